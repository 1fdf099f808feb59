"""Role by access class at the other doors: C-MOVE, filled carts, the feed of changes, figures, links, derived results."""

import csv
import io
import re
import zipfile

import httpx
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from pynetdicom.sop_class import CTImageStorage, StudyRootQueryRetrieveInformationModelMove

from tests.permissions.test_matrix import CLASSIFIED, addresses, ask, paths, plain
from tests.permissions.world import PASSWORD, PORTS, ROLES, UNKNOWN, World, expected

pytestmark = pytest.mark.slow
MOVE = StudyRootQueryRetrieveInformationModelMove


def with_cart(world: World, role: str) -> httpx.Client:
    """Return somebody who has learnt the name of a cart that another filled."""
    source = world.clients[role]
    made = httpx.Client(base_url=world.url, timeout=60, headers=dict(source.headers), cookies=source.cookies)
    made.cookies.set("invivo_cart", world.cart)
    return made


def leaks(world: World, role: str, body: str, words: str = "KS") -> list[tuple[str, str]]:
    found = []
    for access, one in world.samples.items():
        allowed = expected(role, access)
        hidden = (one.known_words if "K" not in allowed and "K" in words else ()) + (
            one.seen_words if "S" not in allowed else ()
        )
        found += [(access, word) for word in hidden if word in body]
    return found


@pytest.mark.parametrize("role", ["anonymous", "registered", "member", "approved", "expired", "editor", "elsewhere"])
def test_c_move_sends_what_one_may_have(world: World, role: str) -> None:
    came: set[str] = set()

    def take(event: evt.Event) -> int:
        came.add(str(event.dataset.StudyInstanceUID))
        return 0

    peer = AE("MATRIX")
    peer.add_supported_context(CTImageStorage)
    listening = peer.start_server(("127.0.0.1", PORTS["peer"]), block=False, evt_handlers=[(evt.EVT_C_STORE, take)])
    try:
        for sample in world.samples.values():
            _move(role, sample.study)
    finally:
        listening.shutdown()
    given = {access for access, one in world.samples.items() if one.study in came}
    assert given == {access for access in world.samples if "H" in expected(role, access)}


def _move(role: str, study: str) -> None:
    entity = AE("MATRIX")
    entity.add_requested_context(MOVE)
    entity.dimse_timeout = entity.network_timeout = entity.acse_timeout = 60
    extra: list[object] = []
    if role != "anonymous":
        identity = UserIdentityNegotiation()
        identity.user_identity_type, identity.primary_field = 2, role.encode()
        identity.secondary_field = PASSWORD.encode()
        extra.append(identity)
    association = entity.associate("127.0.0.1", PORTS["dimse"], ext_neg=extra)
    assert association.is_established
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", study
    for _ in association.send_c_move(asked, "MATRIX", MOVE):
        continue
    association.release()


@pytest.mark.parametrize("role", ROLES)
def test_a_cart_that_another_filled_shows_and_gives_what_one_sees_and_has(world: World, role: str) -> None:
    who = with_cart(world, role)
    pages = {
        path: ask(who, path) for path in ("/cart", "/cart/manifest.csv", "/cart/manifest.txt", "/cart/manifest.tcia")
    }
    package = ask(who, "/cart/package.zip")
    who.close()
    assert [(path, *one) for path, answer in pages.items() for one in leaks(world, role, answer.text)] == []
    assert {path: answer.status_code for path, answer in pages.items()} == dict.fromkeys(pages, 200)
    listed = {access for access, one in world.samples.items() if one.series in pages["/cart"].text}
    assert listed == {access for access in world.samples if "S" in expected(role, access)}
    had = {access for access in world.samples if "H" in expected(role, access)}
    names = "\n".join(zipfile.ZipFile(io.BytesIO(package.content)).namelist()) if package.status_code == 200 else ""
    assert {access for access, one in world.samples.items() if one.short_name in names} == had


@pytest.mark.parametrize("role", ROLES)
def test_the_feed_tells_of_series_that_one_sees_and_of_releases_that_are_not_under_embargo(
    world: World, role: str
) -> None:
    answer = ask(world.clients[role], "/api/changes?limit=1000")
    changes = answer.json()["changes"]
    assert leaks(world, role, answer.text) == []
    told = {(one["kind"], one["collection"]) for one in changes}
    for access, one in world.samples.items():
        allowed = expected(role, access)
        assert (("created", one.short_name) in told) is ("S" in allowed), access
        may_count = "K" in allowed and ("S" in allowed or access != "embargoed")
        assert (("released", one.short_name) in told) is may_count, access


@pytest.mark.parametrize("role", ROLES)
def test_under_an_embargo_no_release_is_listed_or_described(world: World, role: str) -> None:
    sample, who = world.samples["embargoed"], world.clients[role]
    sees = "S" in expected(role, "embargoed")
    listed = ask(who, f"/api/collections/{sample.short_name}/releases").json()
    assert bool(listed if isinstance(listed, list) else listed["releases"]) is sees
    page = ask(who, f"/collections/{sample.short_name}/releases/1")
    assert (page.status_code == 200) is sees
    versions = ask(who, f"/collections/{sample.short_name}/versions").text
    assert ("/releases/1" in versions) is sees
    start = ask(who, "/").text
    assert sees or f"/collections/{sample.short_name}/releases" not in start


@pytest.mark.parametrize("role", ROLES)
def test_figures_of_use_are_of_collections_that_one_knows(world: World, role: str) -> None:
    for path in ("/figures", "/figures.json", "/about/assessment.json", "/about/assessment"):
        assert leaks(world, role, ask(world.clients[role], path).text) == [], path
    for access, one in world.samples.items():
        answer = ask(world.clients[role], f"/collections/{one.short_name}/use.csv")
        assert (answer.status_code == 200) is ("K" in expected(role, access)), access
        if answer.status_code == 200:
            assert list(csv.reader(io.StringIO(answer.text)))
            assert leaks(world, role, answer.text) == []


@pytest.mark.parametrize("role", ROLES)
def test_derived_results_name_only_the_sources_that_one_knows(world: World, role: str) -> None:
    who = world.clients[role]
    for path in (
        "/collections/RESULTS",
        "/collections/RESULTS.json",
        "/api/collections/RESULTS",
        "/search?q=P-results",
    ):
        assert leaks(world, role, ask(who, path).text) == [], path
    assert world.samples["open"].short_name in ask(who, "/collections/RESULTS").text


def test_an_editors_link_shows_its_collection_only_and_a_wrong_one_nothing(world: World) -> None:
    who = world.clients["anonymous"]
    page = ask(who, f"/editor/{world.editor}")
    assert page.status_code == 200
    named = {access for access, one in world.samples.items() if any(word in page.text for word in one.known_words)}
    assert named <= {"embargoed"}
    assert not [word for one in world.samples.values() for word in one.seen_words if word in page.text]
    wrong = [ask(who, f"/editor/{secret}") for secret in ("x" * 43, "", world.editor[:-1] + "~")]
    assert {answer.status_code for answer in wrong} == {404}


@pytest.mark.parametrize("role", ["elsewhere", "registered", "approved"])
def test_curators_of_another_collection_learn_nothing_from_pages_of_people(world: World, role: str) -> None:
    who, wrong = world.clients[role], []
    for path in paths("people"):
        nowhere = plain(ask(who, addresses(path, UNKNOWN)), UNKNOWN)
        for access in ("private", "unlisted"):
            if "K" in expected(role, access):
                continue
            answer = plain(ask(who, addresses(path, world.samples[access])), world.samples[access])
            if answer != nowhere:
                wrong.append((path, access, answer[0], nowhere[0]))
    assert wrong == []


def test_the_table_names_doors_that_are_there() -> None:
    assert re.fullmatch(r"secret", CLASSIFIED["/editor/{secret}"])
