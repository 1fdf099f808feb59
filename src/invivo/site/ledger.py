"""The ledger of a destination: which file of the source became what. It holds names of files and ids of patients."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from invivo.errors import Broken, Conflict

_SCHEMA = """
create table if not exists terms (name text primary key, value text not null);
create table if not exists files (
    path text primary key, size integer not null, mtime_ns integer not null,
    outcome text not null, reason text not null, target text not null, sha256 text not null,
    subject text not null, study text not null, series text not null, told text not null,
    known text not null default '');
create table if not exists action_sets (digest text primary key, actions text not null);
create table if not exists uids (id_old text primary key, id_new text not null);
create table if not exists given (kind text, text text, value text not null, primary key (kind, text));
create table if not exists sent (archive text, path text, sha256 text, outcome text, primary key (archive, path));
create table if not exists patients (id_old text primary key, id_new text not null);
"""
State = Literal["cleaned", "held", "repeated"]


class LedgerMismatch(Conflict):
    """The destination was made with another secret or other rules."""

    code = "site.ledger-mismatch"


class LedgerUnusable(Broken):
    """The ledger cannot be read or written."""

    code = "site.ledger-unusable"


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerUnusable(
            f"The ledger cannot be read or written ({type(error).__name__}; is the disk full?). Mend it and run the same "
            "command again: it goes on."
        ) from None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file of the source.

    ``path`` is relative to the source and stays at the site. ``told`` is JSON for the report: the set of actions by its
    digest, doubts and leftovers, without values. ``target`` is relative to the destination, empty unless cleaned. ``known``
    is a keyed fingerprint of the identifiers of the patient that it was cleaned with, and tells none.
    """

    path: str
    size: int
    mtime_ns: int
    outcome: State
    reason: str
    target: str = ""
    sha256: str = ""
    subject: str = ""
    study: str = ""
    series: str = ""
    told: str = "{}"
    known: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """What an earlier run made of a file that had this size and time of change (ns)."""

    size: int
    mtime_ns: int
    outcome: State
    target: str
    known: str


class Ledger:
    """One destination's ledger, in a folder beside it that is readable by its owner only."""

    def __init__(self, folder: Path, terms: dict[str, str]) -> None:
        """Open or begin a ledger.

        Parameters
        ----------
        folder : Path
        terms : dict
            What every run into the destination must have in common: fingerprint of the secret, profile.

        Raises
        ------
        LedgerMismatch, LedgerUnusable
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "ledger.sqlite"
        is_new = not self.path.exists()
        if is_new:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600))
        with _usable():
            self._tables = sqlite3.connect(self.path, isolation_level=None)
            self._tables.execute("pragma journal_mode = wal")
            self._tables.executescript(_SCHEMA)
            self._grow()
            self._settle(terms)

    def _grow(self) -> None:
        """Give a ledger of an earlier version the columns that it lacks."""
        columns = {row[1] for row in self._tables.execute("pragma table_info(files)")}
        if "known" not in columns:
            self._tables.execute("alter table files add column known text not null default ''")

    def _settle(self, terms: dict[str, str]) -> None:
        known = dict(self._tables.execute("select name, value from terms").fetchall())
        for name, value in terms.items():
            if known.get(name, value) != value:
                self.close()
                raise LedgerMismatch(
                    f"The destination was made with another {name}. Give the one of the first run (a secret is restored "
                    "from your backup), or use a new destination."
                )
        self._tables.executemany("insert or ignore into terms values (?, ?)", terms.items())

    def close(self) -> None:
        """Close it; nothing is lost without."""
        self._tables.close()

    def done(self) -> dict[str, Settled]:
        """Every file that is settled, by its path."""
        rows = self._tables.execute("select path, size, mtime_ns, outcome, target, known from files")
        return {path: Settled(*settled) for path, *settled in rows}

    def add(
        self, outcomes: Iterable[Outcome], actions: dict[str, str], uids: dict[str, str], patients: dict[str, str]
    ) -> None:
        """Enter what became of some files, in one transaction."""
        with _usable():
            self._tables.execute("begin")
            try:
                self._enter(outcomes, actions, uids, patients)
                self._tables.execute("commit")
            except BaseException:
                if self._tables.in_transaction:
                    self._tables.execute("rollback")
                raise

    def _enter(
        self, outcomes: Iterable[Outcome], actions: dict[str, str], uids: dict[str, str], patients: dict[str, str]
    ) -> None:
        for one in outcomes:
            values = [getattr(one, name) for name in Outcome.__slots__]
            self._tables.execute(
                f"insert or replace into files ({', '.join(Outcome.__slots__)}) values ({','.join('?' * len(values))})",
                values,
            )
        self._tables.executemany("insert or ignore into action_sets values (?, ?)", actions.items())
        self._tables.executemany("insert or ignore into uids values (?, ?)", uids.items())
        self._tables.executemany("insert or ignore into patients values (?, ?)", patients.items())

    def outcomes(self) -> Iterator[Outcome]:
        """Every file, in the order of the paths."""
        for row in self._tables.execute(f"select {', '.join(Outcome.__slots__)} from files order by path"):
            yield Outcome(*row)

    def given(self, kind: str, text: str, fresh: Callable[[int], str]) -> str:
        """Return what was given out for a text, or give out something fresh; it gets the count of those of its kind."""
        with _usable():
            row = self._tables.execute("select value from given where kind = ? and text = ?", [kind, text]).fetchone()
            if row is None:
                count = self._tables.execute("select count(*) from given where kind = ?", [kind]).fetchone()[0]
                row = (fresh(int(count)),)
                self._tables.execute("insert into given values (?, ?, ?)", [kind, text, row[0]])
        return str(row[0])

    def unsent(self, archive: str) -> list[Outcome]:
        """Cleaned files that an archive's submission has not acknowledged in the form they have now."""
        sent = set(self._tables.execute("select path, sha256 from sent where archive = ?", [archive]))
        return [one for one in self.outcomes() if one.outcome == "cleaned" and (one.path, one.sha256) not in sent]

    def mark_sent(self, archive: str, path: str, outcome: str) -> None:
        """Enter that the archive has acknowledged a file."""
        with _usable():
            self._tables.execute(
                "insert or replace into sent select ?, path, sha256, ? from files where path = ?",
                [archive, outcome, path],
            )

    def action_sets(self) -> dict[str, list[list[str]]]:
        """Sets of actions by their digest: path, code and rule of each."""
        rows = self._tables.execute("select digest, actions from action_sets order by digest")
        return {digest: json.loads(actions) for digest, actions in rows}

    def uids(self) -> Iterator[tuple[str, str]]:
        """Old and new UIDs."""
        yield from self._tables.execute("select id_old, id_new from uids order by id_old")

    def patients(self) -> Iterator[tuple[str, str]]:
        """Patient ids and subjects' labels."""
        yield from self._tables.execute("select id_old, id_new from patients order by id_old")
