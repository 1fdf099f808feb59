"""What the public process may not touch."""

import psycopg
import pytest

from invivo.archive import Archive

HELD_TABLES = ["quarantine.object", "quarantine.series", "reviews.item", "reviews.finding", "jobs.procrastinate_jobs"]


@pytest.mark.parametrize("table", HELD_TABLES)
def test_the_public_role_cannot_read_what_is_held(public_archive: Archive, table: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
        tx.execute(f"select * from {table} limit 1".encode())


@pytest.mark.parametrize(
    "statement",
    [
        "update images.series set uid = uid",
        "delete from releases.release",
        "insert into collections.collection (short_name, title, licence, access, review_rule, profile)"
        " values ('X1', 'x', 'CC0-1.0', 'open', 'person', 'tcia')",
        "update accounts.person set site_roles = '{administrator}'",
        "select jobs.enqueue('publish', '1', null)",
        "set role invivo_staff",
    ],
)
def test_the_public_role_cannot_change_what_is_public(public_archive: Archive, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
        tx.execute(statement.encode())


@pytest.mark.parametrize(
    "statement", ["update audit.entry set verb = 'x'", "delete from audit.entry", "truncate audit.entry"]
)
def test_nobody_changes_the_journal(archive: Archive, dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as owner:
        owner.execute("insert into audit.entry (actor, verb, thing) values ('a', 'b', 'c')")
        owner.commit()
        with pytest.raises(psycopg.errors.RaiseException):
            owner.execute(statement.encode())
