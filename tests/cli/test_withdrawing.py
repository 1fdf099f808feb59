"""Withdrawing by the command line: by subject, study or series, after a look."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from invivo import images, releases, search
from invivo.archive import Archive
from invivo.cli import releases as commands
from tests.factories import SYSTEM, make_collection, make_series, publish


@pytest.fixture
def subject(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> str:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2, patient="A"))
    publish(archive, collection, make_series(1, patient="B"))

    @contextmanager
    def installed(_: object) -> Iterator[Archive]:
        yield archive

    monkeypatch.setattr(commands, "installation", installed)
    row = search.find(archive, SYSTEM, search.ALL).rows[0]
    return images.find_series(archive, SYSTEM, row.series_uid).subject


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(commands.application, ["withdraw", "LUNG-1", *words])
    return done.exit_code, done.output


def test_a_dry_run_shows_what_would_go_and_changes_nothing(archive: Archive, subject: str) -> None:
    code, told = run("--subject", subject, "--dry-run")
    assert code == 0
    assert subject in told
    assert len(releases.releases_of(archive, SYSTEM, 1)) == 2


def test_a_subject_goes_with_all_its_series(archive: Archive, subject: str) -> None:
    code, _ = run("--subject", subject, "--reason", "They withdrew.", "--reason-class", "consent")
    assert code == 0
    newest = releases.releases_of(archive, SYSTEM, 1)[0]
    assert (newest.number, newest.series_withdrawn) == (3, 1)
    left = search.find(archive, SYSTEM, search.ALL).rows
    assert [images.find_series(archive, SYSTEM, one.series_uid).subject for one in left] != [subject]


@pytest.mark.parametrize(
    "words", [("--subject", "NOBODY", "--reason", "x"), ("--reason", "x"), ("1.2.3", "--reason", "x")]
)
def test_what_is_not_there_is_refused_and_nothing_goes(archive: Archive, subject: str, words: tuple[str, ...]) -> None:
    code, _ = run(*words)
    assert code != 0
    assert len(releases.releases_of(archive, SYSTEM, 1)) == 2


def test_a_reason_is_needed(archive: Archive, subject: str) -> None:
    code, _ = run("--subject", subject)
    assert code != 0
    assert len(releases.releases_of(archive, SYSTEM, 1)) == 2
