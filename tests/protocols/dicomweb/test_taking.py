"""Whatever leaves of a collection that is not open is in the journal, by whichever address it leaves; all of it is counted."""

import pytest
from tests import factories
from tests.protocols.conftest import Asking, Released

from invivo import accounts, audit, images, usage
from invivo.archive import Archive

DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
TOOL = {"User-Agent": "dicomweb-client"}
WAYS = {
    "series": ("{series}", DICOM),
    "study": ("{study}", DICOM),
    "zip": ("{series}", "application/zip"),
    "instance": ("{series}/instances/{uid}", "application/dicom; transfer-syntax=*"),
    "frames": ("{series}/instances/{uid}/frames/1", "application/octet-stream; transfer-syntax=*"),
    "bulk": ("{series}/instances/{uid}/bulkdata/7FE00010", "application/octet-stream; transfer-syntax=*"),
    "rendered": ("{series}/instances/{uid}/rendered", "image/jpeg"),
    "uri": ("/wado?requestType=WADO&studyUID={s}&seriesUID={e}&objectUID={uid}&contentType=application/dicom", "*/*"),
}


def noted(archive: Archive, actor: accounts.Actor) -> list[audit.Entry]:
    with archive.database.transaction() as tx:
        return [one for one in audit.newest(tx, 200) if one.verb == "download.begin" and one.actor == actor.name]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_out_of_a_closed_collection_is_journalled(web: Asking, released: Released, way: str) -> None:
    factories.make_person(released.archive, f"reader-{way}")
    actor = factories.actor_named(released.archive, f"reader-{way}")
    row = released.series["REGISTERED"]
    one = images.instances_of_series(released.archive, actor, row.series_uid)[0]
    series = released.address("REGISTERED")
    text, accept = WAYS[way]
    names = {"study": series.partition("/series")[0], "s": row.study_uid, "e": row.series_uid, "uid": one.uid}
    address = text.format(series=series, **names)
    for _ in range(2):
        assert web.get(address, accept, actor=actor, headers=TOOL).status_code == 200
    (entry,) = noted(released.archive, actor)
    assert entry.thing == f"collection:{row.collection_id}" and entry.detail["door"] == "dicomweb"
    assert entry.detail["series"] == 1


def test_what_is_refused_and_what_is_open_leaves_no_entry(web: Asking, released: Released) -> None:
    assert web.get(released.address("REGISTERED"), DICOM).status_code == 401
    assert web.get(released.address("SLICES"), DICOM).status_code == 200
    assert noted(released.archive, accounts.ANONYMOUS) == []


def test_a_thumbnail_stands_in_lists_and_is_no_download(web: Asking, released: Released) -> None:
    factories.make_person(released.archive, "looker")
    actor = factories.actor_named(released.archive, "looker")
    assert web.get(f"{released.address('REGISTERED')}/thumbnail", "image/jpeg", actor=actor).status_code == 200
    assert noted(released.archive, actor) == []


def test_frames_one_after_the_other_are_one_download_of_their_size(web: Asking, released: Released) -> None:
    usage.flush(released.archive)
    row = released.series["MR"]
    before = usage.figures(released.archive, accounts.ANONYMOUS, row.collection_id)
    (one,) = images.instances_of_series(released.archive, accounts.ANONYMOUS, row.series_uid)
    address = f"{released.address('MR')}/instances/{one.uid}/frames/1"
    for _ in range(4):
        web.get(address, "application/octet-stream; transfer-syntax=*", headers={"User-Agent": "frames"})
    usage.flush(released.archive)
    after = usage.figures(released.archive, accounts.ANONYMOUS, row.collection_id)
    assert after.downloads == before.downloads + 1
    assert after.size_bytes == before.size_bytes + 4 * one.size_bytes
