"""The published index: what everybody may see, as Parquet files that stay what they are, and a manifest of the newest.

Each number of the index is a manifest that names files by their digests; a table that did not change keeps its file. When
anything leaves what is public (a withdrawal, a revision, a stricter policy), the older numbers are taken away, since they
would go on telling of it; and until the next number is written, none is given out.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from invivo import accounts, attachments, collections, database, images, jobs
from invivo.archive import Archive
from invivo.errors import Busy, NotFound
from invivo.releases.citing import cite
from invivo.releases.index_clinical import cells_of
from invivo.releases.index_columns import COLUMNS, DICTIONARY, TABLES
from invivo.releases.index_headers import MODALITIES, rows_of
from invivo.releases.index_writing import Written, batches_from, batches_of, write_table

VERSION = 1
PIECE = 1 << 20
HEADERS_AT_ONCE = 500
LOCK = 1046
_NARROWING = "('withdrawn', 'revised', 'policy')"
_FROM = """
from images.series s
join images.study t on t.id = s.study_id
join subjects.subject p on p.id = s.subject_id
join collections.collection c on c.id = s.collection_id
{joined} where upper_inf(s.releases) and {visible}
"""
_JOINED = {
    "series": "left join images.location l on l.series_id = s.id",
    "geometry": "join images.measured m on m.series_id = s.id",
    "reference": "join images.reference r on r.series_id = s.id and r.level = 'series'",
}
_BEHIND = {
    "study": "group by t.id order by t.id",
    "subject": "group by p.id order by p.id",
    "reference": "order by s.id, r.uid",
}
_STRICTNESS = "array_position(array['open', 'registered', 'controlled'], {0})"
_ACCESS = (
    "case when s.access is null then {0} when "
    + _STRICTNESS.format("s.access")
    + " > "
    + _STRICTNESS.format("{0}")
    + " then s.access else {0} end"
).format("(case when c.access = 'embargoed' then c.access_after else c.access end)")


class NoIndex(NotFound):
    """No index has been written yet, or not this file."""

    code = "index.missing"


class IndexBeingWritten(Busy):
    """Something has left what is public: the index is written anew first."""

    code = "index.being-written"


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file of the index, of which any part can be had.

    Attributes
    ----------
    length : int
        Bytes.
    etag : str
        In quotes; made of the digest.
    """

    name: str
    path: Path
    length: int
    etag: str

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes [start, stop)."""
        left = (self.length if stop is None else min(stop, self.length)) - start
        with self.path.open("rb") as stream:
            stream.seek(start)
            while left > 0 and (chunk := stream.read(min(PIECE, left))):
                left -= len(chunk)
                yield chunk


def _folder(archive: Archive) -> Path:
    return archive.derived / "index"


def _manifest(archive: Archive, name: str = "latest") -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((_folder(archive) / f"{name}.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    return found


def newest_index(archive: Archive) -> dict[str, Any]:
    """Return the manifest of the newest index.

    Raises
    ------
    NoIndex, IndexBeingWritten
    """
    found = _manifest(archive)
    if found is None:
        raise NoIndex("No index is here yet; it is written soon after the first release.")
    if _is_narrower(archive, found["change"]):
        raise IndexBeingWritten("Something left the archive: the index is being written anew.", retry_after_s=30)
    return {key: value for key, value in found.items() if key != "change"}


def index_manifest(archive: Archive, number: int) -> dict[str, Any]:
    """Return the manifest of one number of the index; raises NoIndex, IndexBeingWritten."""
    newest = newest_index(archive)
    found = newest if number == newest["number"] else _manifest(archive, str(number))
    if found is None:
        raise NoIndex(f"Index {number} is not here; the newest is {newest['number']}.")
    return {key: value for key, value in found.items() if key != "change"}


def index_file(archive: Archive, number: int, table: str) -> IndexFile:
    """Return a table of one number of the index; raises NoIndex, IndexBeingWritten."""
    for one in index_manifest(archive, number)["files"]:
        if one["table"] == table:
            path = _folder(archive) / f"{one['sha256']}.parquet"
            if path.is_file():
                return IndexFile(f"{table}.parquet", path, one["size_bytes"], f'"{one["sha256"]}"')
    raise NoIndex(f"The index has no table of this name; there are {', '.join(TABLES)} and columns.")


def _is_narrower(archive: Archive, change: int) -> bool:
    """Return whether anything left what is public since a change."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"select exists(select from releases.change where seq > %s and kind in {_NARROWING}) as narrower".encode(),
            [change],
        ).fetchone()
    return bool(row and row.narrower)


def queue_index(archive: Archive) -> bool:
    """Queue the writing of the index if anything changed, or a day has gone by; return whether it was queued.

    While headers are still being read after a release it waits for them, unless something left what is public.
    """
    known = _manifest(archive)
    with archive.database.transaction() as tx:
        row = tx.execute("select coalesce(max(seq), 0) as seq from releases.change").fetchone()
        newest = int(row.seq) if row else 0
        is_stale = newest > (known["change"] if known else 0)
        is_old = known is not None and known["made_at"][:10] != f"{archive.clock():%Y-%m-%d}"
        if not (is_stale or is_old):
            return False
        is_reading = any(one.name in ("derive", "index") for one in jobs.waiting(tx))
        if is_reading and not is_old and not (known and _is_narrower(archive, known["change"])):
            return False
        jobs.enqueue(tx, "index", "all")
    return True


def write_index(archive: Archive) -> int:
    """Write the index of what everybody may see now, as one state of the database; return its number.

    Nothing is numbered anew where nothing changed. Some thousand rows are in memory at a time.

    Raises
    ------
    IndexBeingWritten
        By somebody else.
    """
    folder = _folder(archive)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with archive.database.transaction() as tx:
        tx.execute("set transaction isolation level repeatable read")
        locked = tx.execute("select pg_try_advisory_xact_lock(%s, 0) as ours", [LOCK]).fetchone()
        if locked is None or not locked.ours:
            raise IndexBeingWritten("The index is being written by somebody else now.", retry_after_s=30)
        row = tx.execute("select coalesce(max(seq), 0) as seq from releases.change").fetchone()
        change = int(row.seq) if row else 0
        written = [_write(archive, tx, folder, table) for table in TABLES]
        written.append(write_columns(folder))
    return _number(archive, folder, change, written)


def _write(archive: Archive, tx: database.Tx, folder: Path, table: str) -> Written:
    if table in MODALITIES:
        return write_table(folder, table, batches_from(table, _header_rows(archive, tx, table)))
    if table == "collection":
        return write_table(folder, table, batches_from(table, _collection_rows(archive, tx)))
    if table == "clinical":
        return write_table(folder, table, batches_from(table, _clinical_rows(archive, tx)))
    selected = ", ".join(f"{one.sql} as {one.name}" for one in COLUMNS[table]).replace("{access}", _ACCESS)
    order = _BEHIND.get(table, "order by s.id")
    text = f"select {selected} {_FROM.replace('{joined}', _JOINED.get(table, ''))} {order}"
    found = database.join(text, visible=collections.visible_to(accounts.ANONYMOUS))
    statement = database.Statement(found.text, {**found.parameters, "site": archive.settings.public_url})
    return write_table(folder, table, batches_of(tx, table, statement))


def write_columns(folder: Path) -> Written:
    """Write the dictionary of all columns as a table of its own, ``columns``."""
    return write_table(folder, "columns", batches_from("columns", [asdict(one) for one in DICTIONARY]))


def _header_rows(archive: Archive, tx: database.Tx, table: str) -> Iterator[dict[str, Any]]:
    statement = database.join(
        "select s.key, s.uid, s.modality from images.series s where upper_inf(s.releases) and s.modality = any (%(kinds)s)"
        " and {visible} order by s.id",
        visible=collections.visible_to(accounts.ANONYMOUS),
    )
    given = {**statement.parameters, "kinds": list(MODALITIES[table])}
    found = database.rows(tx, database.Statement(statement.text, given))
    for begin in range(0, len(found), HEADERS_AT_ONCE):
        portion = found[begin : begin + HEADERS_AT_ONCE]
        headers = images.sample_headers(archive, [row.key for row in portion])
        for row in portion:
            if row.key in headers:
                yield from rows_of(table, row.uid, row.modality, images.unpack_header(headers[row.key]))


_COLLECTIONS = """
with known as (
    select s.collection_id, count(*) as series_count, count(distinct s.study_id) as study_count,
        count(distinct s.subject_id) as subject_count, sum(s.size_bytes)::bigint as size_bytes
    from images.series s where upper_inf(s.releases) and {visible} group by s.collection_id)
select c.id, c.short_name as collection, c.title, c.summary, c.species, c.sites, c.licence, c.access,
    c.is_derived as third_party, coalesce(k.subject_count, 0) as subject_count, coalesce(k.study_count, 0) as study_count,
    coalesce(k.series_count, 0) as series_count, coalesce(k.size_bytes, 0) as size_bytes, r.number as release,
    r.published_at, %(site)s || '/collections/' || c.short_name as url
from collections.collection c left join known k on k.collection_id = c.id
left join lateral (select number, published_at from releases.release r where r.collection_id = c.id and {released}
    order by number desc limit 1) r on true
where {listed} order by c.id
"""


def _collection_rows(archive: Archive, tx: database.Tx) -> Iterator[Mapping[str, Any]]:
    nobody = accounts.ANONYMOUS
    statement = database.join(
        _COLLECTIONS,
        visible=collections.visible_to(nobody),
        released=collections.releases_visible_to(nobody),
        listed=collections.collections_visible_to(nobody),
    )
    given = {**statement.parameters, "site": archive.settings.public_url}
    found = database.rows(tx, database.Statement(statement.text, given))
    cited = cite(archive, nobody, [row.id for row in found])
    for row in found:
        yield {**row._asdict(), "citation": cited.get(row.id, "")}


def _clinical_rows(archive: Archive, tx: database.Tx) -> Iterator[Mapping[str, Any]]:
    statement = database.join(
        "select c.id, c.short_name from collections.collection c where {listed} order by c.id",
        listed=collections.collections_visible_to(accounts.ANONYMOUS),
    )
    for row in database.rows(tx, statement):
        for one in attachments.attachments_of(archive, accounts.ANONYMOUS, row.id):
            place = archive.objects.place(one.digest)
            for cell in cells_of(one.name, place.path, place.offset, one.size_bytes):
                yield {"collection": row.short_name, **cell}


def _number(archive: Archive, folder: Path, change: int, written: list[Written]) -> int:
    """Write the manifest; the one of before keeps its number where no table changed."""
    before = _manifest(archive)
    tables = [{"name": f"{one.table}.parquet", **asdict(one)} for one in written]
    is_same = before is not None and [one["sha256"] for one in before["files"]] == [one.sha256 for one in written]
    number = before["number"] + (0 if is_same else 1) if before else 1
    site = archive.settings.public_url
    told = {
        "version": VERSION,
        "number": number,
        "made_at": archive.clock().isoformat(timespec="seconds"),
        "archive": archive.settings.site.name,
        "url": f"{site}/index/{number}.json",
        "files": [{**one, "url": f"{site}/index/{number}/{one['name']}"} for one in tables],
        "columns": [{key: value for key, value in asdict(one).items() if key != "sql"} for one in DICTIONARY],
        "change": change,
    }
    if before is not None and _is_narrower(archive, before["change"]):
        _forget_older(folder)
    for name in (str(number), "latest"):
        _write_whole(folder / f"{name}.json", json.dumps(told, indent=1).encode() + b"\n")
    _forget_unnamed(folder)
    return number


def _write_whole(path: Path, content: bytes) -> None:
    growing = path.with_name(f"{path.name}.part")
    with growing.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    growing.replace(path)


def _forget_older(folder: Path) -> None:
    for path in folder.glob("[0-9]*.json"):
        path.unlink(missing_ok=True)


def _forget_unnamed(folder: Path) -> None:
    """Remove files that no manifest names."""
    named: set[str] = set()
    for path in folder.glob("*.json"):
        named |= {f"{one['sha256']}.parquet" for one in json.loads(path.read_text("utf-8"))["files"]}
    for path in folder.glob("*.parquet"):
        if path.name not in named:
            with suppress(OSError):
                path.unlink()


def index_age(archive: Archive) -> datetime | None:
    """Return when the newest index was made, None before the first."""
    found = _manifest(archive)
    return datetime.fromisoformat(found["made_at"]) if found else None
