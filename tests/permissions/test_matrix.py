"""Role by access class by interface, on an archive that is really served: nothing leaks, and what is allowed is there."""

import re

import httpx
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

from tests.permissions.routes import CLASSIFIED
from tests.permissions.world import (
    PASSWORD,
    PORTS,
    ROLES,
    UNKNOWN,
    Sample,
    World,
    expected,
)

pytestmark = pytest.mark.slow
OUTSIDERS = ("anonymous", "registered", "expired", "approved", "elsewhere", "editor", "coordinator", "reviewer")
LETTER = {"known": "K", "seen": "S", "had": "H"}


def addresses(path: str, one: Sample) -> str:
    """Fill an address with what a sample is called."""
    named = {
        "uid": one.series if path.startswith(("/series", "/api/series")) else one.study,
        "study": one.study,
        "series": one.series,
        "sop": one.instance,
        "instance": one.instance,
        "frames": "1",
        "short_name": one.short_name,
        "collection": one.short_name,
        "name": one.short_name,
        "label": one.subject,
        "number": "1",
        "path": "PixelData",
        "chart": "modality",
        "attachment_id": str(one.attachment),
    }
    filled = re.sub(r"\{(\w+)(:\w+)?\}", lambda match: named.get(match[1], "999999"), path)
    if path == "/wado":
        filled += f"?requestType=WADO&studyUID={one.study}&seriesUID={one.series}&objectUID={one.instance}"
    return filled


def paths(*kinds: str) -> list[str]:
    return sorted(path for path, kind in CLASSIFIED.items() if kind in kinds)


def ask(who: httpx.Client, address: str) -> httpx.Response:
    return who.get(address, headers={"Accept": "*/*"}, follow_redirects=False)


def plain(answer: httpx.Response, one: Sample) -> tuple[int, str]:
    """Return status and body without the names that were asked for, and without what differs each time."""
    body = answer.text
    for name, other in zip(
        (*one.known_words, *one.seen_words), (*UNKNOWN.known_words, *UNKNOWN.seen_words), strict=True
    ):
        body = body.replace(name, other).replace(name.lower(), other.lower())
    return answer.status_code, re.sub(r'(csrf" value="|next=)[^"]*', r"\1", body)


def needed(path: str, access: str) -> str:
    """Return what somebody must be allowed for an address; under an embargo no release is described to others."""
    is_of_release = "/releases" in path or path == "/collections/{short_name}/metadata"
    return "S" if is_of_release and access == "embargoed" else LETTER[CLASSIFIED[path]]


@pytest.mark.parametrize("role", ROLES)
def test_unknown_and_forbidden_are_the_same_answer(world: World, role: str) -> None:
    who, wrong = world.clients[role], []
    for path in paths("known", "seen", "had"):
        kind = CLASSIFIED[path]
        nowhere = plain(ask(who, addresses(path, UNKNOWN)), UNKNOWN)
        for access, sample in world.samples.items():
            allowed = expected(role, access)
            hides = (
                "K" not in allowed
                if "{short_name}" in path or "{collection}" in path or kind == "known"
                else ("S" not in allowed)
            )
            if not hides or ("/subjects/" in path and "K" in allowed):
                continue
            answer = plain(ask(who, addresses(path, sample)), sample)
            if answer != nowhere:
                wrong.append((path, access, answer[0], nowhere[0]))
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_what_is_allowed_is_there_and_what_is_not_is_not(world: World, role: str) -> None:
    who, wrong = world.clients[role], []
    for path in paths("known", "seen", "had"):
        if path.endswith(("/bulkdata/{path:path}", "/access/new/{collection}", "/id/{name}")):
            continue
        for access, sample in world.samples.items():
            allowed = expected(role, access)
            answer = ask(who, addresses(path, sample))
            is_given = (
                answer.status_code in (200, 206) and answer.content != b"[]"
            )  # QIDO-RS answers unknown with no matches
            if is_given is not (needed(path, access) in allowed):
                wrong.append((path, access, allowed, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_no_listing_count_facet_or_text_tells_of_what_one_may_not_see(world: World, role: str) -> None:
    who, wrong, missing = world.clients[role], [], []
    listings = [*paths("list-known", "list-seen"), *paths("public", "own")]
    listings += [f"/search/suggest?q={word}" for word in ("ZQ", "zq-private")]
    listings += ["/search?q=collection:ZQ-PRIVATE", "/dicom-web/series?limit=100", "/api/search?limit=100"]
    listings += [
        f"/figures/{chart}.{form}" for chart in ("modality", "manufacturer", "body-part") for form in ("csv", "svg")
    ]
    listings = [path for path in listings if "{" not in path and path != "/search/suggest"]
    if role in ("approved", "expired"):
        for own in ("/access", "/account/inbox"):  # name the collections that they themselves applied for
            listings.remove(own)
    for path in listings:
        body = ask(who, path).text
        for access, sample in world.samples.items():
            allowed = expected(role, access)
            words = (sample.known_words if "K" not in allowed else ()) + (
                sample.seen_words if "S" not in allowed else ()
            )
            asked_for = "zq-private" in path.lower() and access == "private"
            wrong += [(path, access, word) for word in words if word in body and not asked_for]
            if path in ("/api/search?limit=100", "/dicom-web/series?limit=100") and "S" in allowed:
                missing += [(path, access)] if sample.series not in body else []
    assert (wrong, missing) == ([], [])


@pytest.mark.parametrize("role", ROLES)
def test_counts_and_facets_count_what_one_sees(world: World, role: str) -> None:
    seen = {access for access in world.samples if "S" in expected(role, access)}
    facets = ask(world.clients[role], "/api/facets").json()
    told = str(facets)
    assert {access for access, one in world.samples.items() if one.short_name in told} <= seen
    found = ask(world.clients[role], "/api/search?limit=100").json()
    sampled = {sample.series for sample in world.samples.values()}
    shown = {
        row["series_uid"] for row in found.get("rows", ())
    } & sampled  # beside one of derived results, which everybody sees
    assert shown in ({world.samples[access].series for access in seen}, set())
    assert found.get("total", 0) in (len(seen) + 1, 0)


@pytest.mark.parametrize("role", OUTSIDERS)
def test_what_belongs_to_people_and_staff_is_closed_to_outsiders(world: World, role: str) -> None:
    who, wrong = world.clients[role], []
    for path in paths("people", "staff"):
        for access in ("open", "private", "protected"):
            sample = world.samples[access]
            answer = ask(who, addresses(path, sample))
            is_leak = any(word in answer.text for word in sample.seen_words)
            is_theirs = role == "editor" and path == "/releases/{collection}/editor"
            is_open = answer.status_code == 200 and CLASSIFIED[path] == "people" and not is_theirs
            if is_leak or is_open or answer.status_code >= 500:
                wrong.append((path, access, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", OUTSIDERS)
def test_outsiders_change_nothing(world: World, role: str) -> None:
    who, wrong = world.clients[role], []
    for path in paths("people", "staff", "change"):
        if path.startswith(("/cart", "/sign-out", "/reviewer", "/account")):
            continue
        answer = who.post(addresses(path, world.samples["private"]), data={"csrf": "forged"}, follow_redirects=False)
        if answer.status_code < 400 or answer.status_code >= 500:
            wrong.append((path, answer.status_code))
    assert wrong == []


def _associate(role: str, *contexts: str) -> object:
    entity = AE("MATRIX")
    for context in contexts:
        entity.add_requested_context(context)
    entity.dimse_timeout = entity.network_timeout = entity.acse_timeout = 60
    extra = []
    if role != "anonymous":
        identity = UserIdentityNegotiation()
        identity.user_identity_type, identity.primary_field = 2, role.encode()
        identity.secondary_field = PASSWORD.encode()
        extra.append(identity)
    return entity.associate("127.0.0.1", PORTS["dimse"], ext_neg=extra)


@pytest.mark.parametrize("role", ["anonymous", "registered", "member", "committee", "approved", "expired", "elsewhere"])
def test_c_find_tells_of_what_one_sees(world: World, role: str) -> None:
    association = _associate(role, StudyRootQueryRetrieveInformationModelFind)
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", ""
    found = {
        one.StudyInstanceUID
        for _, one in association.send_c_find(asked, StudyRootQueryRetrieveInformationModelFind)  # type: ignore[attr-defined]
        if one is not None
    }
    association.release()  # type: ignore[attr-defined]
    assert {access for access, one in world.samples.items() if one.study in found} == {
        access for access in world.samples if "S" in expected(role, access)
    }


@pytest.mark.parametrize("role", ["anonymous", "registered", "member", "approved", "expired", "coordinator"])
def test_c_get_gives_what_one_may_have(world: World, role: str) -> None:
    given = set()
    for access, sample in world.samples.items():
        association = _get(role)
        asked = Dataset()
        asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", sample.study
        answers = association.send_c_get(asked, StudyRootQueryRetrieveInformationModelGet)  # type: ignore[attr-defined]
        completed = max((int(getattr(one, "NumberOfCompletedSuboperations", 0) or 0) for one, _ in answers), default=0)
        association.release()  # type: ignore[attr-defined]
        if completed:
            given.add(access)
    assert given == {access for access in world.samples if "H" in expected(role, access)}


def _get(role: str) -> object:
    from_role = AE("MATRIX")
    from_role.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    from_role.add_requested_context(CTImageStorage)
    from_role.dimse_timeout = from_role.network_timeout = from_role.acse_timeout = 60
    extra: list[object] = [build_role(CTImageStorage, scp_role=True)]
    if role != "anonymous":
        identity = UserIdentityNegotiation()
        identity.user_identity_type, identity.primary_field = 2, role.encode()
        identity.secondary_field = PASSWORD.encode()
        extra.append(identity)
    handlers = [(evt.EVT_C_STORE, lambda _event: 0x0000)]
    return from_role.associate("127.0.0.1", PORTS["dimse"], ext_neg=extra, evt_handlers=handlers)
