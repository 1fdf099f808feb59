"""The administrator's pages: for administrators only, nothing secret on them, and what they change is changed."""

import pytest
from tests.factories import SYSTEM, actor_named, make_collection, make_person
from tests.web.desk import Browser

from invivo import accounts, collections, submissions
from invivo.archive import Archive
from invivo.web import rules

PATHS = ("", "/accounts", "/collections", "/collections/new", "/settings", "/journal")
DRAFT = {
    **{"short_name": "NEW-1", "title": "A new one", "licence": "CC-BY-4.0", "access": "open", "is_listed": "yes"},
    **{"review_rule": "person", "profile": "tcia"},
}


@pytest.fixture
def admin(archive: Archive) -> Browser:
    make_person(archive, "ada", "administrator")
    return Browser(archive).sign_in("ada")


def test_only_administrators_see_the_administration(archive: Archive) -> None:
    make_person(archive, "cora", "curator")
    cora, stranger = Browser(archive).sign_in("cora"), Browser(archive)
    assert {cora.get(f"/admin{path}").status_code for path in PATHS} == {403}
    assert {stranger.get(f"/admin{path}").status_code for path in PATHS} == {403}


def test_every_page_answers_an_administrator(admin: Browser) -> None:
    assert {admin.get(f"/admin{path}").status_code for path in PATHS} == {200}


def test_no_secret_stands_on_the_settings_page(archive: Archive, admin: Browser, dsn: str) -> None:
    changed = archive.settings.model_copy(
        update={"database": archive.settings.database.model_copy(update={"dsn": "postgresql://u:topsecret@h/db"})}
    )
    object.__setattr__(archive, "settings", changed)
    page = admin.get("/admin/settings").text
    assert "topsecret" not in page
    assert "limits.object_bytes" in page


def test_an_account_is_made_with_its_roles_and_closed_again(archive: Archive, admin: Browser) -> None:
    admin.post("/admin/accounts", name="bob", password="a long enough one", site_roles="curator")
    bob = accounts.person_named(archive, "bob")
    assert bob.site_roles == ("curator",) or list(bob.site_roles) == ["curator"]
    admin.post(f"/admin/accounts/{bob.id}", page="/admin/accounts", act="close")
    assert not accounts.person_named(archive, "bob").is_active


def test_a_short_password_is_told_at_its_field_and_kept_nowhere(admin: Browser) -> None:
    answer = admin.post("/admin/accounts", name="bob", password="short-one")
    assert answer.status_code == 400
    assert 'id="f-password-error"' in answer.text
    assert "short-one" not in answer.text


def test_the_last_administrator_stays(archive: Archive, admin: Browser) -> None:
    ada = accounts.person_named(archive, "ada")
    answer = admin.post(f"/admin/accounts/{ada.id}", page="/admin/accounts", act="close")
    assert "without an administrator" in admin.get(answer.headers["location"]).text
    assert accounts.person_named(archive, "ada").is_active


def test_a_collection_is_made_and_its_maker_owns_it(archive: Archive, admin: Browser) -> None:
    answer = admin.post(
        "/admin/collections/new", **DRAFT, species="Homo sapiens, Mus musculus", profile_options="clean_graphics"
    )
    made = collections.collection_named(archive, SYSTEM, "NEW-1")
    assert answer.headers["location"] == "/admin/collections/NEW-1/people"
    assert made.species == ("Homo sapiens", "Mus musculus")
    assert made.profile_options == ("clean_graphics",)
    assert [one.role for one in collections.members_of(archive, SYSTEM, made.id)] == ["owner"]


def test_what_is_wrong_with_a_collection_is_told_at_its_field(admin: Browser) -> None:
    wrong = [
        ({"short_name": "no blanks"}, "short_name"),
        ({"title": ""}, "title"),
        ({"access": "embargoed"}, "embargo_until"),
        ({"access": "embargoed", "embargo_until": "soon"}, "embargo_until"),
        ({"licence": "Beerware"}, "licence"),
        ({"profile_options": "retain_full_dates"}, "profile_options"),
    ]
    for change, field in wrong:
        answer = admin.post("/admin/collections/new", **(DRAFT | {"summary": "kept words"} | change))
        assert answer.status_code == 400
        assert f'id="f-{field}-error"' in answer.text
        assert "kept words" in answer.text


def test_a_preview_saves_nothing_and_runs_no_script(archive: Archive, admin: Browser) -> None:
    make_collection(archive)
    page = "/admin/collections/LUNG-1/edit"
    answer = admin.post(
        page,
        **(DRAFT | {"act": "preview", "description": "# Head\n<script>alert(1)</script> [x](javascript:alert(1))"}),
    )
    assert "<h3>Head</h3>" in answer.text
    assert "<script>alert" not in answer.text
    assert 'href="javascript' not in answer.text
    assert collections.collection_named(archive, SYSTEM, "LUNG-1").description == ""


def test_an_owner_edits_and_appoints_without_being_administrator(archive: Archive) -> None:
    collection = make_collection(archive)
    make_person(archive, "olga")
    make_person(archive, "sam")
    collections.add_member(archive, SYSTEM, collection.id, actor_named(archive, "olga").person_id or 0, "owner")
    olga = Browser(archive).sign_in("olga")
    page = "/admin/collections/LUNG-1"
    assert olga.post(f"{page}/edit", **(DRAFT | {"short_name": "LUNG-1", "title": "Better"})).status_code == 303
    assert olga.post(f"{page}/people", name="sam", role="submitter").status_code == 303
    assert collections.collection_named(archive, SYSTEM, "LUNG-1").title == "Better"
    assert actor_named(archive, "sam").may_submit(collection.id)


def test_an_unknown_account_is_told_at_its_field(archive: Archive, admin: Browser) -> None:
    make_collection(archive)
    answer = admin.post("/admin/collections/LUNG-1/people", name="nobody-known", role="member")
    assert answer.status_code == 400
    assert 'id="f-name-error"' in answer.text


def test_the_last_owner_cannot_be_taken_away(archive: Archive, admin: Browser) -> None:
    admin.post("/admin/collections/new", **DRAFT)
    ada = accounts.person_named(archive, "ada")
    page = "/admin/collections/NEW-1/people"
    answer = admin.post(f"{page}/remove", page=page, person=str(ada.id), role="owner")
    assert "keeps at least one owner" in admin.get(answer.headers["location"]).text


def test_the_rules_say_what_becomes_of_a_name_under_the_collections_own_options(
    archive: Archive, admin: Browser
) -> None:
    make_collection(archive, profile="basic", profile_options=("retain_institution",))
    page = admin.get("/admin/collections/LUNG-1/rules").text
    row = page[page.index(">InstitutionName<") :][:400]
    assert "kept" in row
    named = page[page.index(">PatientName<") :][:400]
    assert "dummy value" in named


def test_all_rules_cover_every_attribute_of_the_dictionary() -> None:
    basic = submissions.profile_for(collections.Draft("LUNG-1", "x", profile="basic"))
    assert len(rules.attribute_rules(basic)) > 4000


def test_the_journal_pages_by_key(archive: Archive, admin: Browser) -> None:
    for number in range(110):
        make_collection(archive, f"C-{number}")
    page = admin.get("/admin/journal").text
    assert page.count("collection.create") == 100
    older = page.split('rel="next" href="')[1].split('"')[0]
    assert "collection.create" in admin.get(older).text
