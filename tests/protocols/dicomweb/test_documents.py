"""Encapsulated PDFs: as themselves where a viewer or a browser shows them."""

import io

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from tests import factories
from tests.protocols.conftest import Asking

from invivo import images, search
from invivo.protocols.dicomweb import routes

CONTENT = b"%PDF-1.4\n" + b"% a report\n" * 400 + b"%%EOF\n\n"


def document() -> bytes:
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SOPClassUID, one.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.104.1", generate_uid()
    one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = (
        one.SOPClassUID,
        one.SOPInstanceUID,
    )
    one.StudyInstanceUID, one.SeriesInstanceUID, one.Modality = generate_uid(), generate_uid(), "DOC"
    one.PatientID, one.PatientName, one.BurnedInAnnotation = "S-1", "S-1", "NO"
    one.MIMETypeOfEncapsulatedDocument, one.EncapsulatedDocument = "application/pdf", CONTENT
    out = io.BytesIO()
    pydicom.dcmwrite(out, one, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture
def address(archive) -> str:
    own = factories.make_collection(archive, "PAPERS", profile="verify")
    factories.publish(archive, own, [document()])
    row = search.find(archive, factories.SYSTEM, search.ALL, limit=5).rows[0]
    one = images.instances_of_series(archive, factories.SYSTEM, row.series_uid)[0]
    return f"/dicom-web/studies/{row.study_uid}/series/{row.series_uid}/instances/{one.uid}"


def test_a_pdf_is_its_own_rendering_and_a_bulk_value_of_its_type(archive, address):
    web = Asking(archive, routes)
    shown = web.get(f"{address}/rendered", "text/html,application/xhtml+xml,*/*;q=0.8")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "application/pdf")
    assert shown.content == CONTENT
    assert shown.headers["cross-origin-embedder-policy"] == "require-corp"
    part = web.get(f"{address}/rendered", headers={"Range": "bytes=0-7"})
    assert (part.status_code, part.content) == (206, b"%PDF-1.4")
    assert web.get(f"{address}/rendered", "image/jpeg").status_code == 406
    bulk = web.get(f"{address}/bulkdata/00420011", "application/pdf")
    assert (bulk.status_code, bulk.headers["content-type"], bulk.content) == (200, "application/pdf", CONTENT)
