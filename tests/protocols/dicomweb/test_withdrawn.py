"""What is withdrawn everywhere cannot be reached by any address of DICOMweb or WADO-URI, whoever asks."""

import pytest
from tests.factories import SYSTEM, make_collection, make_series, publish
from tests.protocols.conftest import Asking

from invivo import accounts, images, releases, search
from invivo.archive import Archive
from invivo.protocols.dicomweb import routes


@pytest.mark.parametrize("actor", [accounts.ANONYMOUS, SYSTEM], ids=["visitor", "administrator"])
def test_no_address_answers_with_bytes_headers_or_pictures(archive: Archive, actor: accounts.Actor) -> None:
    lung = make_collection(archive)
    publish(archive, lung, make_series(2))
    row = search.find(archive, SYSTEM, search.ALL).rows[0]
    sop = images.instances_of_series(archive, SYSTEM, row.series_uid)[0].uid
    web = Asking(archive, routes)
    series = f"/dicom-web/studies/{row.study_uid}/series/{row.series_uid}"
    wado = f"/wado?requestType=WADO&studyUID={row.study_uid}&seriesUID={row.series_uid}&objectUID={sop}"
    addresses = [
        *(series, f"{series}/metadata", f"{series}/rendered", f"{series}/thumbnail", f"{series}/instances/{sop}"),
        *(
            f"{series}/instances/{sop}/frames/1",
            f"{series}/instances/{sop}/metadata",
            f"{series}/instances/{sop}/rendered",
        ),
        *(f"/dicom-web/studies/{row.study_uid}", f"/dicom-web/studies/{row.study_uid}/metadata", wado),
    ]
    before = [web.request("GET", one, actor=actor).status_code for one in addresses]
    assert set(before) == {200}
    named = releases.Named(series=(row.series_uid,))
    releases.withdraw_named(archive, SYSTEM, lung.id, named, "privacy", "A face.", scope="everywhere")
    after = [web.request("GET", one, actor=actor).status_code for one in addresses]
    assert set(after) <= {404, 410}
    assert web.request("GET", f"/dicom-web/instances?SOPInstanceUID={sop}", actor=actor).status_code in (200, 204)
    assert sop not in web.request("GET", f"/dicom-web/instances?SOPInstanceUID={sop}", actor=actor).text
