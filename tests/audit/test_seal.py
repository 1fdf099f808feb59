"""The chain over the journal: whole, late, changed, taken out, put in."""

import psycopg
import pytest

from invivo import audit
from invivo.archive import Archive


def write(archive: Archive, count: int, verb: str = "test.done") -> None:
    with archive.database.transaction() as tx:
        for number in range(count):
            audit.note(tx, "person:1", verb, f"thing:{number}", number=number)


def tampered(dsn: str, statement: str) -> None:
    """Do what only somebody with the rights of the database's owner can do."""
    with psycopg.connect(dsn) as tx:
        tx.execute("set session_replication_role = replica")
        tx.execute(statement.encode())


def test_what_is_written_is_sealed_once(archive: Archive) -> None:
    audit.seal(archive)
    write(archive, 5)
    assert (audit.seal(archive), audit.seal(archive)) == (5, 0)
    verdict = audit.verify(archive)
    assert (verdict.waiting, verdict.faults) == (0, ())


def test_an_entry_that_comes_late_is_sealed_by_a_later_seal(archive: Archive) -> None:
    with archive.database.transaction() as slow:
        audit.note(slow, "person:1", "test.slow", "thing:1")
        write(archive, 3)
        assert audit.seal(archive) == 3
    assert audit.seal(archive) == 1
    verdict = audit.verify(archive)
    assert (verdict.waiting, verdict.faults) == (0, ())


def test_an_entry_that_never_came_leaves_the_chain_whole(archive: Archive) -> None:
    with pytest.raises(RuntimeError), archive.database.transaction() as tx:
        audit.note(tx, "person:1", "test.never", "thing:1")
        raise RuntimeError
    write(archive, 1)
    audit.seal(archive)
    write(archive, 1)
    audit.seal(archive)
    assert audit.verify(archive).faults == ()


@pytest.mark.parametrize(
    "statement",
    [
        "update audit.entry set actor = 'person:2' where id = (select max(id) from audit.entry)",
        "update audit.entry set detail = '{}' where id = (select max(id) from audit.entry)",
        "delete from audit.entry where id = (select max(id) from audit.entry)",
        "delete from audit.seal where id = (select min(id) from audit.seal)",
        "update audit.seal set digest = sha256('x') where id = (select min(id) from audit.seal)",
    ],
)
def test_what_is_changed_after_the_seal_is_found(archive: Archive, dsn: str, statement: str) -> None:
    for _ in range(3):
        write(archive, 2)
        audit.seal(archive)
    assert audit.verify(archive).faults == ()
    tampered(dsn, statement)
    assert audit.verify(archive).faults


def test_an_entry_put_in_later_is_found(archive: Archive, dsn: str) -> None:
    with archive.database.transaction() as tx:
        tx.execute("select nextval(pg_get_serial_sequence('audit.entry', 'id'))")
    write(archive, 2)
    audit.seal(archive)
    tampered(
        dsn,
        "insert into audit.entry (id, at, actor, verb, thing) overriding system value"
        " select min(id) - 1, now() - interval '9 days', 'person:9', 'test.forged', 'thing:1' from audit.entry",
    )
    verdict = audit.verify(archive)
    assert verdict.waiting == 1
    assert verdict.faults


@pytest.mark.parametrize("statement", ["delete from audit.seal", "update audit.seal set entries = 0"])
def test_nobody_of_ours_changes_a_seal(archive: Archive, statement: str) -> None:
    write(archive, 1)
    audit.seal(archive)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), archive.database.transaction() as tx:
        tx.execute(statement.encode())


def test_the_head_changes_with_every_entry(archive: Archive) -> None:
    heads = set()
    for _ in range(3):
        write(archive, 1)
        audit.seal(archive)
        heads.add(audit.verify(archive).head)
    assert len(heads) == 3
