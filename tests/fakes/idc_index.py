"""A small index in the form of the package idc-index-data: the real columns, the real traps, invented rows."""

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

COLUMNS = (
    "collection_id analysis_result_id PatientID SeriesInstanceUID StudyInstanceUID source_DOI PatientAge PatientSex StudyDate"
    " StudyDescription BodyPartExamined Modality SOPClassUID TransferSyntaxUID Manufacturer ManufacturerModelName SeriesDate"
    " SeriesDescription SeriesNumber instanceCount license_short_name series_aws_url series_size_MB"
).split()
CT, SM = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.77.1.6"
LITTLE, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"


def row(number: int, collection: str = "nlst", **fields: Any) -> dict[str, Any]:
    """Return a series; every number is another one, ten of them a study, twenty a patient."""
    made = {
        "collection_id": collection,
        "PatientID": f"P-{number // 20}",
        "SeriesInstanceUID": f"1.2.3.{number}",
        "StudyInstanceUID": f"1.2.4.{number // 10}",
        "source_DOI": f"10.7937/{collection}",
        "Modality": "CT",
        "SOPClassUID": CT,
        "TransferSyntaxUID": LITTLE,
        "license_short_name": "CC BY 4.0",
        "instanceCount": 3,
        "series_size_MB": 0.000123,
        "series_aws_url": f"s3://idc-open-data/00000000-0000-0000-0000-{number:012x}/*",
    }
    return made | fields


def about(collection: str, name: str, **fields: Any) -> dict[str, Any]:
    """Return what the index says of a collection."""
    source = {
        "source_id": collection,
        "source_title": f"Data of {name}",
        "source_type": "original_data",
        "source_doi": f"10.7937/{collection}",
        "license": {"license_short_name": "CC BY 4.0"},
        "citation": "Roe, R. &amp; Doe, J. (2020). <i>Data</i>.",
    }
    result = source | {"source_id": "marks", "source_type": "analysis_result", "source_doi": "10.5281/zenodo.1"}
    made = {
        "collection_name": name,
        "collection_id": collection,
        "cancer_types": "Lung Cancer",
        "tumor_locations": "lung, Chest",
        "species": "Human",
        "sources": [source, result],
        "supporting_data": "Clinical",
        "description": "Scans of lungs. Many.",
    }
    return made | fields


def write_index(folder: Path, rows: list[dict[str, Any]], pages: list[dict[str, Any]], version: int = 25) -> Path:
    """Write the tables into a folder, as an unpacked package has them."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {"instanceCount": pyarrow.int64(), "series_size_MB": pyarrow.float64()}
    columns = {
        name: pyarrow.array([one.get(name) for one in rows], kinds.get(name, pyarrow.large_string()))
        for name in COLUMNS
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "idc_index.parquet")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(pages), folder / "collections_index.parquet")
    versions = pyarrow.table({"idc_version": [version - 1, version]})
    pyarrow.parquet.write_table(versions, folder / "version_metadata_index.parquet")
    return folder
