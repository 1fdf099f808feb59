"""Files are read again: what is missing or changed is found, told once, and forgotten when it is whole again."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from invivo import accounts, assessment, notices
from invivo.archive import Archive
from invivo.errors import Refused
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish


@pytest.fixture
def files(archive: Archive) -> list[Path]:
    make_person(archive, "root", "administrator")
    publish(archive, make_collection(archive), make_series(3))
    with archive.database.transaction() as tx:
        digests = [row.digest for row in tx.execute("select digest from images.instance order by id")]
    return [archive.objects.place(digest).path for digest in digests]


def told(archive: Archive) -> list[str]:
    with archive.database.transaction() as tx:
        return [one.subject for one in notices.inbox(tx, actor_named(archive, "root").person_id or 0)]


def round_of(archive: Archive) -> assessment.Fixity:
    assessment.check_some(archive, 10.0, now=True)
    return assessment.fixity(archive)


def test_a_round_reads_every_object_and_ends(archive: Archive, files: list[Path]) -> None:
    assert assessment.check_some(archive, 10.0) == 3
    found = assessment.fixity(archive)
    assert (found.objects, found.damaged) == (3, 0)
    assert found.size_bytes == sum(one.stat().st_size for one in files)
    assert found.round_ended_at is not None
    assert assessment.check_some(archive, 10.0) == 0  # not due again
    later = replace(archive, clock=lambda: found.round_ended_at + timedelta(days=91))  # type: ignore[operator]
    assert assessment.check_some(later, 10.0) == 3


def test_a_short_look_goes_on_where_the_last_one_stopped(archive: Archive, files: list[Path]) -> None:
    assert [assessment.check_some(archive, 0.0) for _ in files] == [1, 1, 1]
    assert assessment.fixity(archive).objects == 3


def test_damage_is_told_once_and_taken_back_when_it_is_mended(archive: Archive, files: list[Path]) -> None:
    content = files[0].read_bytes()
    files[0].chmod(0o600)
    files[0].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    files[1].rename(files[1].with_suffix(".away"))
    round_of(archive)
    assert {one.kind for one in assessment.damages(archive)} == {"changed", "missing"}
    round_of(archive)
    assert told(archive).count("A stored object is damaged") == 2
    files[0].write_bytes(content)
    files[1].with_suffix(".away").rename(files[1])
    assert round_of(archive).damaged == 0


def test_everything_asked_for_finds_its_evidence(archive: Archive, public_archive: Archive, files: list[Path]) -> None:
    shown = assessment.evidence(public_archive, accounts.ANONYMOUS)
    asked = {name for one in assessment.frameworks() for requirement in one.requirements for name in requirement.shows}
    assert asked == set(shown)
    assert ("Collections", "1", "/collections") in shown["holdings"].facts
    assert "No round over all files has ended yet." in shown["fixity"].gaps
    round_of(archive)
    assert assessment.evidence(public_archive, accounts.ANONYMOUS)["fixity"].gaps == ()


def test_only_an_administrator_speaks_for_the_archive(archive: Archive, public_archive: Archive) -> None:
    make_person(archive, "rita")
    with pytest.raises(Refused):
        assessment.write_statement(archive, actor_named(archive, "rita"), "nih", "retention", "Ten years.")
    assessment.write_statement(archive, SYSTEM, "nih", "retention", "Ten years at least.")
    assert assessment.statements(public_archive)["nih", "retention"].text == "Ten years at least."
    with pytest.raises(assessment.UnknownRequirement):
        assessment.write_statement(archive, SYSTEM, "nih", "R99", "x")
    assessment.write_statement(archive, SYSTEM, "nih", "retention", " ")
    assert assessment.statements(archive) == {}
