"""`invivo init --preset`, run as a person runs it."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from invivo import accounts, collections, reviews, search, submissions
from invivo.archive import Archive, make_folders, open_archive, opened, read_key
from invivo.cli import presets
from invivo.cli.application import application
from invivo.errors import Refused
from invivo.settings import read_settings
from tests.factories import SYSTEM, actor_named, make_person, make_series, publish

COMMAND = application(["init"])


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(COMMAND, ["init", *words], env={"COLUMNS": "1000"})
    assert done.exit_code == code, done.output
    return done.output


def test_inhouse_is_a_plain_dicom_server_for_this_machine(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "invivo serve" in run("--preset", "inhouse", "--home", str(home))
    assert tomllib.loads((home / "invivo.toml").read_text())["inhouse"] == {"identified": True}
    with opened(read_settings(home)) as archive:
        found = collections.collection_named(archive, accounts.ANONYMOUS, "INHOUSE")
        assert (found.review_rule, found.access) == ("direct", "open")
        with archive.database.transaction() as tx:
            for address in ("127.0.0.1", "127.7.7.7", "::1"):
                origin = submissions.Origin("dimse", called_aet="ANY", calling_aet="ANY", address=address)
                assert submissions.sender.destination_of(tx, origin).direct == found.id


def test_a_preset_does_not_touch_an_installation_that_has_settings(tmp_path: Path) -> None:
    (tmp_path / "invivo.toml").write_text('[site]\nname = "Mine"\n')
    run("--preset", "inhouse", "--home", str(tmp_path), code=2)
    assert "Mine" in (tmp_path / "invivo.toml").read_text()


def test_an_unknown_preset_is_refused_with_those_there_are(tmp_path: Path) -> None:
    assert "inhouse" in run("--preset", "outhouse", "--home", str(tmp_path / "home"), code=2)
    assert not (tmp_path / "home").exists()


# What the archives of the survey are known for: accounts, the way in, how collections begin.
KNOWN_FOR = {
    "tcia": ("open", "proposal", "open", "person"),
    "nbia": ("open", "closed", "open", "on-receipt"),
    "niams": ("moderated", "official", "registered", "person"),
    "xnat-central": ("open", "own-projects", "open", "on-receipt"),
    "ida": ("moderated", "invitation", "controlled", "person"),
    "fbirn": ("open", "suggestion", "registered", "person"),
    "give-a-scan": ("open", "proposal", "open", "person"),
    "osa": ("invited", "invitation", "controlled", "person"),
    "insight-journal": ("open", "own-projects", "open", "on-receipt"),
    "ndar": ("moderated", "proposal", "controlled", "person"),
    "pediatric-mri": ("moderated", "closed", "controlled", "person"),
    "fitbir": ("moderated", "proposal", "private", "two-persons"),
    "nitrc-ir": ("open", "suggestion", "open", "person"),
}
SURVEYED = sorted(KNOWN_FOR)


@pytest.fixture
def begun(request: pytest.FixtureRequest, dsn: str, tmp_path: Path) -> Iterator[Archive]:
    """An installation of a kind, with the settings it writes and what it makes."""
    preset = presets.preset_named(request.param)
    presets.write_settings(preset, tmp_path)
    settings = read_settings(tmp_path, limits={"free_bytes": 0})
    make_folders(tmp_path)
    read_key(tmp_path, may_make=True)
    archive = open_archive(settings, dsn, "invivo_staff")
    presets.make(archive, preset)
    yield archive
    archive.database.close()


def test_there_is_a_preset_for_every_archive_of_the_survey_and_one_for_a_house() -> None:
    assert {*KNOWN_FOR, "inhouse"} == set(presets.presets())


@pytest.mark.parametrize("begun", SURVEYED, indirect=True)
def test_each_begins_as_its_archive_is_run(begun: Archive, request: pytest.FixtureRequest) -> None:
    registration, deposit, access, review = KNOWN_FOR[request.node.callspec.params["begun"]]
    assert begun.settings.accounts.registration == registration
    assert submissions.ways_in(begun).deposit == deposit
    made = collections.create(begun, SYSTEM, collections.draft_for(begun, "NEW-1", "A new one"))
    assert (made.access, made.review_rule) == (access, review)
    with begun.database.transaction() as tx:
        policy = collections.access_policy(tx, made.id)
    wanted = begun.settings.collections
    assert (policy.request_form, policy.vote_rule, policy.term_months) == (
        wanted.request_form,
        wanted.vote_rule,
        wanted.term_months,
    )
    assert (policy.needs_factor, policy.hides_metadata) == (wanted.needs_factor, wanted.hides_metadata)


def test_the_checklists_of_presets_name_steps_that_there_are() -> None:
    known = {step.name for step in reviews.default_steps()}
    for one in presets.presets().values():
        named = tomllib.loads(one.settings).get("collections", {}).get("checklist", [])
        assert set(named) <= known, one.name


@pytest.mark.parametrize("begun", ["ndar"], indirect=True)
def test_a_collection_begins_with_the_checklist_of_the_settings(begun: Archive) -> None:
    made = collections.create(begun, SYSTEM, collections.draft_for(begun, "NEW-1", "A new one"))
    submissions.open_submission(begun, SYSTEM, made.id, "First")
    checklist = reviews.checklist_of(begun, SYSTEM, made.id)
    assert checklist is not None
    required = [one.step.name for one in checklist.steps if one.step.is_required]
    assert required == ["import", "subjects", "counts", "consistency", "values"]
    reviews.set_checklist(begun, SYSTEM, made.id, [])
    submissions.open_submission(begun, SYSTEM, made.id, "Second")
    assert reviews.checklist_of(begun, SYSTEM, made.id) is None  # what its curators changed stays


def test_no_two_presets_are_described_alike() -> None:
    rows = [tuple(list(presets.described(one).values())[1:]) for one in presets.presets().values()]
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize("begun", ["niams"], indirect=True)
def test_niams_shows_a_page_to_visitors_and_what_is_in_it_to_the_registered(begun: Archive) -> None:
    initiative = collections.collection_named(begun, SYSTEM, "OAI")
    submissions.open_submission(begun, SYSTEM, initiative.id, "The first visit")
    reviews.set_checklist(begun, SYSTEM, initiative.id, [])
    publish(begun, initiative, make_series(1))
    make_person(begun, "rita")
    rita = accounts.actor_of_person(begun, accounts.person_named(begun, "rita").id)
    assert collections.collection_named(begun, accounts.ANONYMOUS, "OAI").access == "registered"
    assert search.count(begun, accounts.ANONYMOUS, search.ALL) == 0
    assert search.count(begun, rita, search.ALL) == 1
    terms = accounts.current_terms(begun)
    assert terms is not None
    assert "sharing policy" in terms.text


@pytest.mark.parametrize(
    ("begun", "access"), [("xnat-central", "private"), ("insight-journal", "open")], indirect=["begun"]
)
def test_projects_of_people_begin_as_the_archive_says(begun: Archive, access: str) -> None:
    make_person(begun, "rita")
    delivery = submissions.make_own_project(begun, actor_named(begun, "rita"), "MINE", "Mine")
    assert collections.collection_by_id(begun, SYSTEM, delivery.collection_id).access == access


@pytest.mark.parametrize("begun", ["pediatric-mri"], indirect=True)
def test_pediatric_mri_takes_nothing_any_more(begun: Archive) -> None:
    archived = collections.collection_named(begun, SYSTEM, "PEDS-MRI")
    assert archived.state == "archived"
    make_person(begun, "rita")
    with pytest.raises(Refused, match="archived and receives no new data"):
        submissions.make_own_project(begun, actor_named(begun, "rita"), "MINE", "Mine")


@pytest.mark.parametrize("begun", ["give-a-scan"], indirect=True)
def test_give_a_scan_asks_what_may_stay_unanswered_and_has_its_consent_signed(begun: Archive) -> None:
    form = submissions.form_in_force(begun)
    assert [one.key for one in form.questions if one.required] == ["whose", "kinds"]
    assert {"smoking", "diagnosis"} <= {one.key for one in form.questions}
    assert "Consent to give scans" in submissions.agreement_in_force(begun).text
