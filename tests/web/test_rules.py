"""The pages of rules: what is wrong is told with line and column, nothing secret is shown, and every step leads on."""

import html
import json
import re

import psycopg
import pytest
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_person,
    make_series,
    make_submission,
    publish,
)
from tests.web.desk import Browser

from invivo import collections, deidentification, submissions
from invivo.archive import Archive

BASE = "/admin/collections/LUNG-1/rules"
TOML = 'name = "lung"\nversion = "1"\nbase = "tcia"\n[[rules]]\nattribute = "StationName"\naction = "X"\n'
FORM = {"kind": "toml", "text": TOML, "start": "1", "head_policy": "allow", "note": "stations tell the site"}


@pytest.fixture
def collection(archive: Archive) -> collections.Collection:
    return make_collection(archive)


@pytest.fixture
def admin(archive: Archive, collection: collections.Collection) -> Browser:
    make_person(archive, "ada", "administrator")
    return Browser(archive).sign_in("ada")


def in_force(archive: Archive, collection: collections.Collection) -> collections.Rules:
    with archive.database.transaction() as tx:
        return collections.rules_in_force(tx, collection.id)


def words_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_a_version_is_written_compared_and_put_in_force(
    archive: Archive, admin: Browser, collection: collections.Collection
) -> None:
    answer = admin.post(f"{BASE}/new", **FORM, act="save", accepted="pixel.ultrasound")
    assert answer.headers["location"] == f"{BASE}/versions/2"
    page = words_of(admin.get(f"{BASE}/versions/2").text)
    assert "Doubts that hold nothing Ultrasound" in page
    assert "StationName (0008,1010)" in page
    assert "1 attribute gets another treatment" in page
    assert in_force(archive, collection).version == 1
    admin.post(f"{BASE}/versions/2/enforce", page=f"{BASE}/versions/2")
    assert in_force(archive, collection).version == 2
    shown = words_of(admin.get(BASE).text)
    assert "Version 2, in force" in shown
    assert "lung 1 + LUNG-1 2" in shown
    assert "stations tell the site" in shown


def test_comparing_keeps_nothing(archive: Archive, admin: Browser, collection: collections.Collection) -> None:
    page = words_of(admin.post(f"{BASE}/new", **FORM, act="check").text)
    assert "Checked, not kept yet" in page
    assert "StationName" in page
    assert len(collections.rules_history(archive, SYSTEM, collection.id)) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"text": '\nname = "x"\r\nversion = \r\n'}, "Line 3, column 11"),
        ({"text": TOML.replace("StationName", "Nothing")}, "Line 5, column 14"),
        ({"kind": "ctp", "text": "set.[0010,0010]=@nosuch(x)"}, "Line 1, column 17: unknown function @nosuch"),
        ({"kind": "dicomedit", "text": "this is none"}, "Line 1, column"),
        ({"accepted": "proof.leftover"}, "no doubt that rules may accept"),
        ({"head_policy": "maybe"}, "head_policy must be one of"),
    ],
)
@pytest.mark.parametrize("act", ["check", "save"])
def test_what_is_wrong_is_told_and_nothing_is_kept(  # noqa: PLR0917 - what is wrong, and what is told
    archive: Archive,
    admin: Browser,
    collection: collections.Collection,
    change: dict[str, str],
    told: str,
    act: str,
) -> None:
    answer = admin.post(f"{BASE}/new", **(FORM | change), act=act)
    assert answer.status_code == 400
    assert told in words_of(answer.text)
    assert "stations tell the site" in answer.text
    assert len(collections.rules_history(archive, SYSTEM, collection.id)) == 1


def test_a_lookup_table_is_kept_and_never_shown_again(
    archive: Archive, admin: Browser, collection: collections.Collection
) -> None:
    script = {"kind": "ctp", "text": "set.[0010,0020]=@lookup(this,ptid)\n"}
    table = "ptid/SECRET-77=SUBJECT-1\n"
    checked = admin.post(f"{BASE}/new", **(FORM | script), lookup=table, act="check")
    admin.post(f"{BASE}/new", **(FORM | script), lookup=table, act="save")
    kept = collections.rules_version(archive, SYSTEM, collection.id, 2)
    assert kept.lookup == table
    admin.post(f"{BASE}/versions/2/enforce", page=f"{BASE}/versions/2")
    again = admin.post(f"{BASE}/new", **(FORM | script | {"start": "2"}), keeps_lookup="yes", act="save")
    assert again.headers["location"] == f"{BASE}/versions/3"
    assert collections.rules_version(archive, SYSTEM, collection.id, 3).lookup == table
    for address in (BASE, f"{BASE}/new", f"{BASE}/versions/2", f"{BASE}/versions/3", f"{BASE}/dry-run"):
        assert "SECRET-77" not in admin.get(address).text
    assert "SECRET-77" not in checked.text
    wrong = admin.post(f"{BASE}/new", **(FORM | script), lookup=table + "nonsense\n", act="save")
    assert wrong.status_code == 400
    assert "SECRET-77" not in wrong.text


def test_a_script_is_shown_with_its_warnings_at_their_lines(admin: Browser) -> None:
    script = "keep.group18\nset.[0008,0018]=@hashuid(1.2.3,this)\n"
    admin.post(f"{BASE}/new", **(FORM | {"kind": "ctp", "text": script}), act="save")
    admin.post(f"{BASE}/versions/2/enforce", page=f"{BASE}/versions/2")
    page = admin.get(BASE).text
    line = page[page.index("@hashuid(1.2.3,this)") :][:400]
    assert "A hash without a secret key" in line
    assert "A script decides by itself" in page


def test_rules_that_no_longer_load_are_told_with_what_follows(
    archive: Archive, admin: Browser, dsn: str, collection: collections.Collection
) -> None:
    with psycopg.connect(dsn) as tx:
        tx.execute("update collections.profile set text = 'gone'")
    assert "everything that arrives is held" in admin.get(BASE).text


def test_curators_try_rules_out_and_owners_change_them(archive: Archive, collection: collections.Collection) -> None:
    make_person(archive, "cora", "curator")
    make_person(archive, "eve")
    cora, eve = Browser(archive).sign_in("cora"), Browser(archive).sign_in("eve")
    addresses = (BASE, f"{BASE}/new", f"{BASE}/versions/1", f"{BASE}/dry-run", f"{BASE}/rerun")
    assert {cora.get(address).status_code for address in addresses} == {200}
    assert {eve.get(address).status_code for address in addresses} <= {403, 404}
    assert cora.post(f"{BASE}/new", **FORM, act="save").status_code == 403
    form = words_of(cora.get(f"{BASE}/new").text)
    assert "Only the owner or an administrator keeps rules" in form
    assert "Keep as a draft" not in form
    assert "Checked, not kept yet" in words_of(cora.post(f"{BASE}/new", **FORM, act="check").text)
    assert cora.post(f"{BASE}/rerun", page=f"{BASE}/dry-run").status_code == 403
    assert cora.post(f"{BASE}/dry-run", version="1", most="50").status_code == 303


def test_a_trial_shows_what_would_differ_without_a_value(
    archive: Archive, admin: Browser, collection: collections.Collection
) -> None:
    deliver(archive, make_submission(archive, collection), make_series(2, StationName="SECRET-STATION"))
    advance_all(archive)
    text = TOML.replace("StationName", "SeriesDescription")
    admin.post(f"{BASE}/new", **(FORM | {"text": text}), act="save")
    answer = admin.post(f"{BASE}/dry-run", version="2", most="50")
    page = admin.get(answer.headers["location"]).text
    shown = words_of(page)
    assert "SeriesDescription kept K removed X 2" in shown
    assert "Axial 5 mm" not in page
    assert "SECRET-STATION" not in page
    link = re.search(r"/reviews/\d+/objects/\d+/tags", page)
    assert link
    assert admin.get(link[0]).status_code == 200


def test_a_large_trial_is_left_to_the_worker_and_followed(
    archive: Archive, admin: Browser, collection: collections.Collection
) -> None:
    deliver(archive, make_submission(archive, collection), make_series(2))
    advance_all(archive)
    address = admin.post(f"{BASE}/dry-run", version="1", most="500").headers["location"]
    assert f'data-follow="{address}/progress.json"' in admin.get(address).text
    assert json.loads(admin.get(f"{address}/progress.json").text) == {"state": "running-0"}
    run = submissions.runs_of(archive, SYSTEM, collection.id)[0]
    submissions.rerun(archive, run.id)
    assert json.loads(admin.get(f"{address}/progress.json").text) == {"state": "done-1"}
    assert "data-follow" not in admin.get(address).text


def test_a_rerun_is_started_followed_and_its_report_is_given_as_a_file(
    archive: Archive, admin: Browser, collection: collections.Collection
) -> None:
    publish(archive, collection, make_series(2))
    text = TOML.replace("StationName", "SeriesDescription")
    admin.post(f"{BASE}/new", **(FORM | {"text": text}), act="save")
    admin.post(f"{BASE}/versions/2/enforce", page=f"{BASE}/versions/2")
    address = admin.post(f"{BASE}/rerun").headers["location"]
    assert "has not ended yet" in admin.get(f"{BASE}/rerun").text
    run = submissions.runs_of(archive, SYSTEM, collection.id)[0]
    submissions.rerun(archive, run.id)
    assert "SeriesDescription 2" in words_of(admin.get(address).text)
    answer = admin.get(f"{address}/report.json")
    assert "attachment" in answer.headers["content-disposition"]
    report = json.loads(answer.text)
    assert report["report"]["attributes"] == {"SeriesDescription": {"removed": 2}}
    assert report["series"] == {"total": 1, "done": 1}


def test_a_run_of_another_collection_is_not_found_here(
    archive: Archive, admin: Browser, collection: collections.Collection
) -> None:
    other = make_collection(archive, "OTHER-1")
    run = submissions.start_trial(archive, SYSTEM, other.id, 1)
    assert admin.get(f"{BASE}/runs/{run.id}").status_code == 404


def test_a_run_can_be_stopped(archive: Archive, admin: Browser, collection: collections.Collection) -> None:
    run = submissions.start_rerun(archive, actor_named(archive, "ada"), collection.id)
    admin.post(f"{BASE}/runs/{run.id}", act="stop")
    page = words_of(admin.get(f"{BASE}/runs/{run.id}").text)
    assert "Stopped by ada" in page or "Stopped" in page


def test_every_attribute_says_why_in_words(admin: Browser) -> None:
    shown = words_of(admin.get(BASE).text)
    assert "StudyDate (0008,0020) shifted C in every case Option 113107, modified dates" in shown
    assert "E.1-1 C by option" not in shown
    assert "PatientID (0010,0020) dummy value D in every case Gets the label of the subject" in shown


def test_what_is_looked_for_stands_in_the_filter(admin: Browser) -> None:
    page = admin.get(f"{BASE}?all=yes&q=Rows").text
    assert 'value="Rows"' in page
    assert "Look through every attribute" not in page
    assert f'href="{BASE}?all=yes" data-carry' in admin.get(BASE).text


def steps(page: str) -> str:
    found = re.search(r'<ol class="stepper".*?</ol>', page, re.DOTALL)
    return words_of(found[0]) if found else ""


def test_a_version_shows_its_way_from_draft_to_what_is_here(
    archive: Archive, admin: Browser, collection: collections.Collection
) -> None:
    publish(archive, collection, make_series(2, StationName="S1"))
    assert steps(admin.get(BASE).text) == ""
    admin.post(f"{BASE}/new", **FORM, act="save")
    assert "is a draft and does nothing yet" in words_of(admin.get(BASE).text)
    version = f"{BASE}/versions/2"
    assert "Try it on objects that are here now" in steps(admin.get(version).text)
    trial = admin.post(f"{BASE}/dry-run", version="2", most="50").headers["location"]
    assert "Tried 2 of 2 objects differ done" in steps(admin.get(version).text)
    assert f'href="{trial}"' in admin.get(version).text
    assert "Put version 2 in force" in admin.get(trial).text
    admin.post(f"{version}/enforce", page=trial)
    assert "Run it again on what is here already now" in steps(admin.get(BASE).text)
    assert "Run it again on what is here" in words_of(admin.get(trial).text)
    admin.post(f"{BASE}/rerun")
    submissions.rerun(archive, submissions.runs_of(archive, SYSTEM, collection.id)[0].id)
    assert "Run again 2 of 2 objects changed done" in steps(admin.get(BASE).text)


def test_a_trial_that_refuses_everything_says_so_and_compares_nothing(
    archive: Archive, admin: Browser, collection: collections.Collection
) -> None:
    deliver(archive, make_submission(archive, collection), make_series(2))
    advance_all(archive)
    script = {"kind": "ctp", "text": "set.[0010,0020]=@lookup(this,ptid)\n"}
    admin.post(f"{BASE}/new", **(FORM | script), lookup="ptid/A=B\n", act="save")
    trial = admin.post(f"{BASE}/dry-run", version="2", most="50").headers["location"]
    shown = words_of(admin.get(trial).text)
    assert "Version 2 refuses 2 of 2 objects" in shown
    assert "a key is missing in the lookup table" in shown
    assert "PatientName" not in shown
    assert "Put version 2 in force" not in shown
    assert "2 of 2 objects refused" in steps(admin.get(f"{BASE}/versions/2").text)


def test_a_stopped_trial_does_not_say_that_the_collection_is_empty(
    archive: Archive, admin: Browser, collection: collections.Collection
) -> None:
    deliver(archive, make_submission(archive, collection), make_series(2))
    advance_all(archive)
    trial = admin.post(f"{BASE}/dry-run", version="1", most="500").headers["location"]
    admin.post(trial, act="stop")
    shown = words_of(admin.get(trial).text)
    assert "stopped before the first series" in shown
    assert "holds no images" not in shown


def test_whoever_writes_rules_sees_every_action_and_option(admin: Browser) -> None:
    page = words_of(admin.get(f"{BASE}/new").text)
    assert all(option in page for option in deidentification.OPTIONS)
    assert "what identifies is taken out of the value" in page


def test_with_nothing_here_a_run_and_a_trial_are_not_offered(
    archive: Archive, admin: Browser, collection: collections.Collection
) -> None:
    assert "Nothing is here to run the rules on" in admin.get(f"{BASE}/rerun").text
    assert "Nothing is here to try rules on" in admin.get(f"{BASE}/dry-run").text
    publish(archive, collection, make_series(2))
    deliver(archive, make_submission(archive, collection), make_series(2))
    advance_all(archive)
    shown = words_of(admin.get(f"{BASE}/rerun").text)
    assert "It goes over 1 held series and what release 1 holds" in shown
    assert "Run version 1 on LUNG-1" in shown
