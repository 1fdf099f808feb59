"""Reading the index of the NCI Imaging Data Commons, as the package ``idc-index-data`` brings it: its words into ours.

References
----------
The schemas beside the tables of the package, ``idc_index_schema.json`` and ``collections_index_schema.json``.
"""

import hashlib
import html
import importlib.util
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from invivo import collections, images, releases
from invivo.errors import Invalid, NotFound

CATALOGUE = "idc"
PACKAGE = "idc_index_data"
PORTION = 50_000
MOST_ROWS, MOST_BYTES = 20_000_000, 4 << 30
UNKNOWN_LICENCE = "LicenseRef-restricted"
_LICENCES = {
    "CC BY 3.0": "CC-BY-3.0",
    "CC BY 4.0": "CC-BY-4.0",
    "CC BY-NC 3.0": "CC-BY-NC-3.0",
    "CC BY-NC 4.0": "CC-BY-NC-4.0",
    "CC BY-SA 4.0": "CC-BY-SA-4.0",
    "CC0 1.0": "CC0-1.0",
}
_COLUMNS = (
    "collection_id PatientID PatientSex SeriesInstanceUID StudyInstanceUID StudyDate StudyDescription PatientAge Modality"
    " SeriesNumber SeriesDescription SeriesDate BodyPartExamined Manufacturer ManufacturerModelName instanceCount"
    " series_size_MB SOPClassUID TransferSyntaxUID license_short_name source_DOI series_aws_url"
).split()
_UID = r"^[0-9][0-9.]{0,63}$"
_UIDS = r"^[0-9][0-9.]{0,63}(,[0-9][0-9.]{0,63})*$"
_URL = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[0-9a-f-]{36}/\*$"


class NoIndex(NotFound):
    """The index is not here."""

    code = "catalogue.missing"


@dataclass(frozen=True, slots=True)
class Index:
    """The index: its version, what it says of collections, and the rows of all series in the order of collections.

    Attributes
    ----------
    rows : pyarrow.Table
        Columns `images.ARRIVING`, but licences in the index's own words.
    spans : mapping of str to (int, int)
        Where the rows of each collection lie.
    """

    version: str
    pages: dict[str, dict[str, Any]]
    rows: pyarrow.Table
    spans: dict[str, tuple[int, int]]


def find_folder(folder: Path | None) -> Path:
    """Return the folder with the index's tables: the one given, or that of the installed package; raises NoIndex."""
    if folder is None:
        found = importlib.util.find_spec(PACKAGE)
        places = list(found.submodule_search_locations or ()) if found else []
        if not places:
            raise NoIndex("The index is not installed; get it with `pip install idc-index-data`, or name its folder.")
        folder = Path(places[0])
    inside = folder / PACKAGE
    folder = inside if inside.is_dir() else folder
    for name in ("idc_index.parquet", "collections_index.parquet"):
        if not (folder / name).is_file():
            raise NoIndex(f"There is no {name} in {folder}; name the folder of the package idc-index-data.")
    return folder


def read_index(folder: Path) -> Index:
    """Read the index.

    Raises
    ------
    Invalid
        A table is no Parquet file, lacks a column or is beyond all bounds.
    """
    try:
        rows = _read(folder / "idc_index.parquet", _COLUMNS)
        pages = pyarrow.parquet.read_table(folder / "collections_index.parquet").to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise Invalid(f"The index cannot be read: {str(error)[:200]}", code="catalogue.unreadable") from error
    if not all({"collection_id", "collection_name", "sources"} <= page.keys() for page in pages):
        raise Invalid("The table of collections lacks names or sources.", code="catalogue.unreadable")
    rows, spans = _in_order(rows)
    known = {str(page["collection_id"]): page for page in pages}
    return Index(_version(folder), known, _translated(rows), spans)


def parts_of(index: Index, names: Sequence[str] = (), limit: int | None = None) -> Iterator[tuple[int, releases.Part]]:
    """Yield each collection with its number of series.

    Parameters
    ----------
    names : sequence of str
        Only these, by the id or the name they have in the index.
    limit : int, optional
        So many series in all, a share from each collection, whole subjects as far as they go.

    Raises
    ------
    Invalid
        A name is not in the index, or a row has no valid identifier or address.
    """
    chosen = _chosen(index, names)
    total = sum(stop - start for start, stop in (index.spans[name] for name in chosen))
    for name in chosen:
        start, stop = index.spans[name]
        if limit is not None and limit < total:
            stop = start + max(1, (stop - start) * limit // total)
        yield stop - start, _part(index, name, start, stop, is_whole=(start, stop) == index.spans[name])


def _chosen(index: Index, names: Sequence[str]) -> list[str]:
    called = {str(page["collection_name"]).lower(): name for name, page in index.pages.items()}
    chosen = []
    for name in names:
        found = name.lower() if name.lower() in index.spans else called.get(name.lower())
        if found not in index.spans:
            raise Invalid(f"There is no collection {name[:64]} in the index.", code="catalogue.collection")
        chosen.append(found)
    return chosen or list(index.spans)


def _part(index: Index, name: str, start: int, stop: int, *, is_whole: bool) -> releases.Part:
    """Return some rows of a collection as they are entered: with licences only where they are not the collection's own."""
    first, last = index.spans[name]
    licences = _counted(index.rows["licence"].slice(first, last - first))
    page = _page(index.pages.get(name, {"collection_id": name, "collection_name": name}), licences)
    rows = index.rows.slice(start, stop - start)
    other = _mapped(rows["licence"], partial(_other_licence, page.draft.licence), pyarrow.string())
    rows = rows.set_column(rows.column_names.index("licence"), "licence", other)
    digest = hashlib.sha256(str(images.ARRIVING).encode())
    for portion in _portions(rows):
        digest.update(portion)
    return releases.Part(page, partial(_portions, rows), digest.digest(), is_whole)


def _portions(rows: pyarrow.Table) -> Iterator[bytes]:
    """Yield rows as CSV; an empty field is no value."""
    options = pyarrow.csv.WriteOptions(include_header=False)
    for start in range(0, rows.num_rows, PORTION):
        some = rows.slice(start, PORTION)
        out = BytesIO()
        pyarrow.csv.write_csv(pyarrow.table([_plain(one) for one in some.columns], some.column_names), out, options)
        yield out.getvalue()


def _read(path: Path, columns: Sequence[str]) -> pyarrow.Table:
    file = pyarrow.parquet.ParquetFile(path, read_dictionary=list(columns))
    if file.metadata.num_rows > MOST_ROWS or path.stat().st_size > MOST_BYTES:
        raise Invalid("The index is larger than any that is known.", code="catalogue.too-large")
    missing = sorted(set(columns) - set(file.schema_arrow.names))
    if missing:
        raise Invalid(f"The index has no column {missing[0]}.", code="catalogue.unreadable")
    return file.read(columns=list(columns))


def _in_order(rows: pyarrow.Table) -> tuple[pyarrow.Table, dict[str, tuple[int, int]]]:
    """Return the rows in runs of collections, and the runs."""
    spans = _spans(rows)
    if spans is None:
        rows = rows.take(pyarrow.compute.sort_indices(_plain(rows["collection_id"])))
        spans = _spans(rows)
    assert spans is not None
    return rows, spans


def _spans(rows: pyarrow.Table) -> dict[str, tuple[int, int]] | None:
    ends = pyarrow.compute.run_end_encode(_plain(rows["collection_id"]).combine_chunks())
    runs = [ends] if not isinstance(ends, pyarrow.ChunkedArray) else ends.chunks
    spans: dict[str, tuple[int, int]] = {}
    place = 0
    for run in runs:
        for name, end in zip(run.values.to_pylist(), run.run_ends.to_pylist(), strict=True):
            if name in spans:
                return None
            if not name:
                raise Invalid("A row of the index names no collection.", code="catalogue.row")
            spans[name] = (place, end)
            place = end
    return spans


def _plain(column: Any) -> Any:
    return column.cast(column.type.value_type) if pyarrow.types.is_dictionary(column.type) else column


def _counted(column: Any) -> list[str]:
    """Return the different values of a column, the most frequent first."""
    counts = pyarrow.compute.value_counts(_plain(column)).to_pylist()
    counts.sort(key=lambda row: (-row["counts"], str(row["values"])))
    return [row["values"] for row in counts if row["values"]]


def _mapped(column: Any, say: Callable[[str], Any], kind: pyarrow.DataType) -> Any:
    """Translate a column by its different values, each once."""
    encoded = column if pyarrow.types.is_dictionary(column.type) else column.dictionary_encode()
    encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pyarrow.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pyarrow.array([], encoded.type)
    said = [None if one is None else say(str(one)) for one in encoded.dictionary.to_pylist()]
    return pyarrow.DictionaryArray.from_arrays(encoded.indices, pyarrow.array(said, type=kind))


def _translated(rows: pyarrow.Table) -> pyarrow.Table:
    """Return the columns `images.ARRIVING`, and which collection each row is of; licences in the index's own words."""
    text = pyarrow.string()
    columns = {
        "subject": _mapped(rows["PatientID"], _word, text),
        "sex": _mapped(rows["PatientSex"], _code, text),
        "uid": _checked(rows, "SeriesInstanceUID", _UID),
        "study_uid": _checked(rows, "StudyInstanceUID", _UID),
        "study_date": _mapped(rows["StudyDate"], _day, pyarrow.date32()),
        "study_description": _mapped(rows["StudyDescription"], _word, text),
        "patient_age": _mapped(rows["PatientAge"], _code, text),
        "modality": _mapped(rows["Modality"], _code, text),
        "number": _mapped(rows["SeriesNumber"], _number, pyarrow.int32()),
        "description": _mapped(rows["SeriesDescription"], _word, text),
        "series_date": _mapped(rows["SeriesDate"], _day, pyarrow.date32()),
        "body_part": _mapped(rows["BodyPartExamined"], _code, text),
        "manufacturer": _mapped(rows["Manufacturer"], _word, text),
        "model": _mapped(rows["ManufacturerModelName"], _word, text),
        "instance_count": pyarrow.compute.fill_null(rows["instanceCount"].cast(pyarrow.int32()), 0),
        "size_bytes": _bytes(rows["series_size_MB"]),
        "sop_classes": _checked(rows, "SOPClassUID", _UIDS),
        "transfer_syntaxes": _checked(rows, "TransferSyntaxUID", _UIDS),
        "licence": _mapped(rows["license_short_name"], _word, text),
        "dataset": _mapped(rows["source_DOI"], str.lower, text),
        "url": pyarrow.compute.replace_substring(_checked(rows, "series_aws_url", _URL), "*", ""),
    }
    for name in ("subject", "modality"):
        if pyarrow.compute.sum(pyarrow.compute.is_null(_plain(columns[name]))).as_py():
            raise Invalid(f"A row of the index has no {name}.", code="catalogue.row")
    return pyarrow.table([columns[name] for name in images.ARRIVING], names=images.ARRIVING)


def _checked(rows: pyarrow.Table, name: str, form: str) -> Any:
    column = _plain(rows[name])
    good = pyarrow.compute.fill_null(pyarrow.compute.match_substring_regex(column, form), False)
    bad = len(column) - (pyarrow.compute.sum(good).as_py() or 0)
    if bad:
        raise Invalid(f"{bad} rows of the index have no valid {name}.", code="catalogue.row")
    return column


def _bytes(megabytes: Any) -> Any:
    """Sizes are given in millions of bytes, made by division: rounding gives the bytes back."""
    rounded = pyarrow.compute.round(pyarrow.compute.multiply(megabytes.cast(pyarrow.float64()), 1e6))
    return pyarrow.compute.fill_null(rounded.cast(pyarrow.int64()), 0)


def _word(value: str) -> str | None:
    """A text without what no text should hold, None if nothing is left."""
    return "".join(c if c.isprintable() else " " for c in value).strip()[:1024] or None


def _code(value: str) -> str | None:
    return _word(value.strip()[:64])


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _number(value: str) -> int | None:
    number = int(value) if re.fullmatch(r"-?\d{1,10}", value.strip()) else None
    return number if number is not None and -(2**31) <= number < 2**31 else None


def _licence(name: str | None) -> str:
    return _LICENCES.get((name or "").strip(), UNKNOWN_LICENCE)


def _other_licence(own: str, name: str) -> str | None:
    return None if _licence(name) == own else _licence(name)


def _version(folder: Path) -> str:
    """Return the number of the newest version that the index knows of itself."""
    path = folder / "version_metadata_index.parquet"
    if not path.is_file():
        return "unknown"
    numbers = pyarrow.parquet.read_table(path, columns=["idc_version"])["idc_version"].to_pylist()
    return str(max(numbers, default="unknown"))


def _page(page: dict[str, Any], licences: Sequence[str]) -> collections.Page:
    """Return what our page of a collection says; `licences` are those of its series, the most frequent first."""
    name = str(page["collection_id"])
    sources = [one for one in page.get("sources") or () if one.get("source_doi")]
    own = next((one for one in sources if one["source_id"] == name), sources[0] if sources else {})
    datasets = tuple(_dataset(one) for one in sources)
    title = _tidy(own.get("source_title")) or str(page["collection_name"])
    unknown = [one for one in licences if one and _licence(one) == UNKNOWN_LICENCE]
    draft = collections.Draft(
        short_name=re.sub(r"[^A-Za-z0-9._-]+", "-", str(page["collection_name"])).strip("-._")[:64],
        title=title[:300],
        summary=_summary(page),
        description=_description(page, datasets),
        acknowledgement="\n".join(one.citation for one in datasets if one.citation and not one.is_result)[:4000],
        species=_list(page.get("species")),
        sites=_list(page.get("tumor_locations")),
        diseases=_list(page.get("cancer_types")),
        licence=_licence(licences[0] if licences else None),
        access="open",
        terms=f"Licence of some series: {'; '.join(unknown)}." if unknown else "",
        profile="verify",
    )
    return collections.Page(name, draft, datasets)


def _dataset(source: dict[str, Any]) -> collections.Dataset:
    doi = str(source["source_doi"]).lower()
    return collections.Dataset(
        name=doi,
        title=_tidy(source.get("source_title")) or doi,
        doi=doi,
        citation=_tidy(source.get("citation")),
        licence=_licence((source.get("license") or {}).get("license_short_name")),
        is_result=source.get("source_type") == "analysis_result",
    )


def _summary(page: dict[str, Any]) -> str:
    cancers = ", ".join(_list(page.get("cancer_types")))
    first = re.split(r"(?<=[a-z)0-9]{2}[.!?])\s(?=[A-Z])", _tidy(page.get("description")), maxsplit=1)[0]
    return " ".join(part for part in (first[:600], f"Cancer types: {cancers}."[:390] if cancers else "") if part)


def _description(page: dict[str, Any], datasets: Sequence[collections.Dataset]) -> str:
    """Return the page's text in Markdown: the index's own, and what the collection is made of."""
    own = html.unescape(str(page.get("description") or "")).strip()
    lines = [re.sub(r"</?[a-zA-Z][^<>]{0,200}>", "", own)[:90_000], "", "## What it is made of", ""]
    for one in datasets:
        made = "analysis by others" if one.is_result else "data"
        lines.append(f"* [{one.title}](https://doi.org/{one.doi}), {made}, {one.licence}")
    lines += ["", "The files lie in the public store of the NCI Imaging Data Commons; here is what describes them."]
    if page.get("supporting_data"):
        lines.append(f"\nSupporting data there: {page['supporting_data']}.")
    return "\n".join(lines)[:100_000]


def _list(text: str | None) -> tuple[str, ...]:
    """Take a list with commas apart; the index writes some words small and some with a capital."""
    words = [word.strip() for word in (text or "").split(",")]
    return tuple(dict.fromkeys(word[0].upper() + word[1:] for word in words if word))


def _tidy(text: str | None) -> str:
    """A text in one line, without the marks of HTML."""
    plain = html.unescape(re.sub(r"</?[a-zA-Z][^<>]{0,200}>", "", str(text or "")))
    return re.sub(r"\s+", " ", plain).strip()
