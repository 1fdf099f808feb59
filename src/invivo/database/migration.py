"""Numbered migrations, forward only, each in one transaction."""

import re
from importlib.resources import files
from typing import cast

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql

from invivo.database.connection import ROLES, connect
from invivo.errors import Conflict

_NAME = re.compile(r"(\d{4})_[a-z_]+\.sql$")
_LOCK = 0x1A_5150  # any constant: two processes must not migrate at once


class NewerDatabase(Conflict):
    """The database was written by a newer invivo than this one."""

    code = "database.newer"


def available() -> list[tuple[int, str, str]]:
    """Return (number, name, SQL) of every migration in the package, in order."""
    found = []
    for entry in files("invivo.database").joinpath("migrations").iterdir():
        match = _NAME.match(entry.name)
        if match:
            found.append((int(match[1]), entry.name, entry.read_text("utf-8")))
    return sorted(found)


def _applied(tx: psycopg.Connection[tuple[int]]) -> set[int]:
    exists = tx.execute("select to_regclass('public.migration') is not null").fetchone()
    if not exists or not exists[0]:
        return set()
    return {number for (number,) in tx.execute("select number from public.migration")}


def pending(dsn: str) -> list[str]:
    """Return the names of the migrations that a database still needs."""
    with connect(dsn) as tx:
        done = _applied(cast("psycopg.Connection[tuple[int]]", tx))
    return [name for number, name, _ in available() if number not in done]


def _make_roles(tx: psycopg.Connection[tuple[int]]) -> None:
    for role in ROLES:
        known = tx.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone()
        if not known:
            tx.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
        tx.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(role)))


def migrate(dsn: str) -> list[str]:
    """Bring a database up to this version and return the names of what was applied.

    Raises
    ------
    NewerDatabase
        The database has migrations that this version does not know.
    """
    ours = available()
    applied: list[str] = []
    with connect(dsn, autocommit=True) as opened:
        tx = cast("psycopg.Connection[tuple[int]]", opened)
        tx.execute("select pg_advisory_lock(%s)", [_LOCK])
        tx.execute("set client_min_messages to warning")
        done = _applied(tx)
        unknown = done - {number for number, _, _ in ours}
        if unknown:
            raise NewerDatabase(
                f"The database has migration {max(unknown)}, which this invivo does not know; install a newer invivo."
            )
        _make_roles(tx)
        for number, name, text in ours:
            if number in done:
                continue
            with tx.transaction():
                if name.endswith("_jobs.sql"):
                    tx.execute("create schema jobs")
                    tx.execute("set local search_path to jobs, public")
                    tx.execute(SchemaManager.get_schema().encode())
                    tx.execute("set local search_path to public")
                tx.execute(text.encode())
                tx.execute("insert into public.migration (number, name) values (%s, %s)", [number, name])
            applied.append(name)
    return applied
