"""A second factor is asked for where there is one or must be one; codes work once; passkeys only answer their own question."""

import json
from datetime import UTC, datetime

import pytest

from invivo import accounts, collections
from invivo.accounts import totp
from invivo.accounts.rate import TooManyAttempts
from invivo.archive import Archive
from invivo.errors import Conflict, Refused
from tests.accounts.conftest import Under, at
from tests.factories import PASSWORD, SYSTEM, actor_named, make_collection, make_person
from tests.fakes.authenticator import SecurityKey


def code_of(secret: str, seconds: float = 0) -> str:
    raw = totp.base64.b32decode(secret.replace(" ", "") + "=" * (-len(secret.replace(" ", "")) % 8))
    return totp.code_at(raw, int(datetime.now(UTC).timestamp() + seconds) // totp.STEP_S)


def enrol(site: Archive, session: str, actor: accounts.Actor) -> tuple[str, str, list[str]]:
    begun = accounts.begin_totp(site, actor)
    opened, codes = accounts.confirm_totp(site, actor, begun, code_of(begun.secret), session)
    return begun.secret, opened, codes


def test_the_codes_are_those_of_the_standard() -> None:
    secret = b"12345678901234567890"
    times = {59: "94287082", 1111111109: "07081804", 1234567890: "89005924", 20000000000: "65353130"}  # RFC 6238 B
    assert {at: totp.code_at(secret, at // 30, digits=8) for at in times} == times


def test_enrolling_opens_a_new_strong_session_and_ends_the_others(public_archive: Archive, archive: Archive) -> None:
    make_person(archive)
    other, _ = accounts.sign_in(public_archive, "ada", PASSWORD)
    session, ada = accounts.sign_in(public_archive, "ada", PASSWORD)
    _, opened, codes = enrol(public_archive, session, ada)
    assert opened != session
    assert [accounts.actor_of_session(public_archive, one).is_anonymous for one in (session, other)] == [True, True]
    assert accounts.actor_of_session(public_archive, opened).is_strong
    assert len(set(codes)) == 10


def test_after_the_password_a_code_is_asked_for_and_the_session_changes(
    public_archive: Archive, archive: Archive
) -> None:
    make_person(archive)
    secret, _, _ = enrol(public_archive, *accounts.sign_in(public_archive, "ada", PASSWORD))
    session, waits = accounts.sign_in(public_archive, "ada", PASSWORD)
    assert (waits.is_anonymous, waits.person_id, waits.step) == (True, None, "code")
    later = at(public_archive, 30)
    opened = accounts.give_code(later, session, code_of(secret, 30))
    assert accounts.actor_of_session(later, opened).is_strong
    assert accounts.actor_of_session(later, session).is_anonymous


def test_a_code_works_once(public_archive: Archive, archive: Archive) -> None:
    make_person(archive)
    secret, _, _ = enrol(public_archive, *accounts.sign_in(public_archive, "ada", PASSWORD))
    first, _ = accounts.sign_in(public_archive, "ada", PASSWORD)
    second, _ = accounts.sign_in(public_archive, "ada", PASSWORD)
    with pytest.raises(accounts.WrongCode):
        accounts.give_code(public_archive, first, code_of(secret))  # it took the authenticator into use
    later = at(public_archive, 30)
    accounts.give_code(later, first, code_of(secret, 30))
    with pytest.raises(accounts.WrongCode):
        accounts.give_code(later, second, code_of(secret, 30))


def test_a_recovery_code_works_once(public_archive: Archive, archive: Archive) -> None:
    make_person(archive)
    _, _, codes = enrol(public_archive, *accounts.sign_in(public_archive, "ada", PASSWORD))
    session, _ = accounts.sign_in(public_archive, "ada", PASSWORD)
    opened = accounts.give_code(public_archive, session, codes[0].upper())
    assert accounts.factors_of(public_archive, accounts.actor_of_session(public_archive, opened)).recovery_left == 9
    again, _ = accounts.sign_in(public_archive, "ada", PASSWORD)
    with pytest.raises(accounts.WrongCode):
        accounts.give_code(public_archive, again, codes[0])


def test_guessing_codes_is_stopped(public_archive: Archive, archive: Archive) -> None:
    make_person(archive)
    secret, _, _ = enrol(public_archive, *accounts.sign_in(public_archive, "ada", PASSWORD))
    session, _ = accounts.sign_in(public_archive, "ada", PASSWORD)
    for _ in range(archive.settings.accounts.attempts):
        with pytest.raises(accounts.WrongCode):
            accounts.give_code(public_archive, session, "000000x")
    with pytest.raises(TooManyAttempts):
        accounts.give_code(at(public_archive, 30), session, code_of(secret, 30))


def test_secrets_and_recovery_codes_are_not_readable_in_the_database(public_archive: Archive, archive: Archive) -> None:
    make_person(archive)
    secret, _, codes = enrol(public_archive, *accounts.sign_in(public_archive, "ada", PASSWORD))
    raw = totp.base64.b32decode(secret.replace(" ", ""))
    with archive.database.transaction() as tx:
        kept = tx.execute("select sealed from accounts.totp").fetchone()
        hashes = tx.execute("select digest from accounts.recovery").fetchall()
    assert raw not in kept.sealed
    assert codes[0].replace("-", "").encode() not in [row.digest for row in hashes]


def test_a_password_alone_does_not_open_the_doors_of_programs(public_archive: Archive, archive: Archive) -> None:
    make_person(archive)
    enrol(public_archive, *accounts.sign_in(public_archive, "ada", PASSWORD))
    with pytest.raises(accounts.NeedsSecondFactor):
        accounts.actor_of_password(public_archive, "ada", PASSWORD)


def test_curators_must_have_one_where_the_archive_says_so(under: Under, archive: Archive) -> None:
    lung = make_collection(archive)
    for name in ("ada", "cora"):
        make_person(archive, name)
    weak, _ = accounts.create_token(archive, actor_named(archive, "cora"), "before", ["read", "curate"])
    collections.add_member(archive, SYSTEM, lung.id, actor_named(archive, "cora").person_id or 0, "curator")
    site = under(second_factor="curators")
    assert not accounts.sign_in(site, "ada", PASSWORD)[1].is_anonymous
    session, waits = accounts.sign_in(site, "cora", PASSWORD)
    assert (waits.is_anonymous, waits.step) == (True, "enrol")
    assert not accounts.actor_of_token(site, weak).is_curator
    arrival = accounts.arrival_of(site, session)
    assert arrival
    assert not (arrival.actor.is_curator or arrival.actor.may_submit(lung.id))
    _, opened, _ = enrol(site, session, arrival.actor)
    cora = accounts.actor_of_session(site, opened)
    assert cora.is_curator
    strong, _ = accounts.create_token(site, cora, "after", ["curate"])
    assert accounts.actor_of_token(site, strong).is_curator


def test_all_must_have_one_where_the_archive_says_so(under: Under, archive: Archive) -> None:
    make_person(archive)
    assert accounts.sign_in(under(second_factor="all"), "ada", PASSWORD)[1].step == "enrol"


def test_a_lost_factor_is_taken_off_by_an_administrator(public_archive: Archive, archive: Archive) -> None:
    person = make_person(archive)
    _, opened, _ = enrol(public_archive, *accounts.sign_in(public_archive, "ada", PASSWORD))
    with pytest.raises(Refused):
        accounts.reset_factors(archive, actor_named(archive, "ada"), person.id)
    accounts.reset_factors(archive, SYSTEM, person.id)
    assert accounts.actor_of_session(public_archive, opened).is_anonymous
    assert not accounts.sign_in(public_archive, "ada", PASSWORD)[1].is_anonymous
    with archive.database.transaction() as tx:
        assert not accounts.has_second_factor(tx, person.id)


def test_taking_a_factor_off_needs_the_password(public_archive: Archive, archive: Archive) -> None:
    make_person(archive)
    _, opened, _ = enrol(public_archive, *accounts.sign_in(public_archive, "ada", PASSWORD))
    ada = accounts.actor_of_session(public_archive, opened)
    with pytest.raises(accounts.WrongCredentials):
        accounts.remove_factor(public_archive, ada, "not the password")
    accounts.remove_factor(public_archive, ada, PASSWORD)
    assert not accounts.factors_of(public_archive, ada).has_any


def test_an_enrolment_of_somebody_else_cannot_be_confirmed(archive: Archive) -> None:
    make_person(archive)
    make_person(archive, "eve")
    begun = accounts.begin_totp(archive, actor_named(archive, "eve"))
    session, ada = accounts.sign_in(archive, "ada", PASSWORD)
    with pytest.raises(accounts.WrongCode):
        accounts.confirm_totp(archive, ada, begun, code_of(begun.secret), session)


def passkey(site: Archive, key: SecurityKey) -> str:
    session, actor = accounts.sign_in(site, "ada", PASSWORD)
    once, question = accounts.begin_passkey(site, actor)
    return accounts.confirm_passkey(site, actor, once, key.create(question), label="blue key", session=session)[0]


def test_a_passkey_passes_the_second_step(under: Under, archive: Archive) -> None:
    make_person(archive)
    site, key = under(), SecurityKey("https://archive.test")
    assert accounts.actor_of_session(site, passkey(site, key)).is_strong
    session, waits = accounts.sign_in(site, "ada", PASSWORD)
    assert waits.step == "code"
    asked = accounts.ask_passkey(site, session)
    assert asked
    opened = accounts.give_passkey(site, session, asked[0], key.get(asked[1]))
    assert accounts.actor_of_session(site, opened).is_strong
    with pytest.raises(Conflict):
        accounts.give_passkey(site, session, asked[0], key.get(asked[1]))


@pytest.mark.parametrize("lie", ["other question", "other site", "other key", "copied", "nonsense"])
def test_a_passkey_that_proves_nothing_is_refused(under: Under, archive: Archive, lie: str) -> None:
    make_person(archive)
    site, key = under(), SecurityKey("https://archive.test")
    passkey(site, key)
    session, _ = accounts.sign_in(site, "ada", PASSWORD)
    once, question = accounts.ask_passkey(site, session) or ("", "")
    if lie == "other question":
        question = json.dumps(json.loads(question) | {"challenge": "AAAA"})
    elif lie == "other site":
        key.origin = "https://evil.example"
    elif lie == "copied":
        key.counter = 0
    elif lie == "other key":
        stolen, key = key, SecurityKey("https://archive.test")
        key.credential_id = stolen.credential_id
    answer = "{" if lie == "nonsense" else key.get(question)
    with pytest.raises(accounts.WrongCode):
        accounts.give_passkey(site, session, once, answer)
    assert accounts.actor_of_session(site, session).is_anonymous


def test_a_question_for_a_passkey_is_answered_once(under: Under, archive: Archive) -> None:
    make_person(archive)
    site, key = under(), SecurityKey("https://archive.test")
    passkey(site, key)
    first, _ = accounts.sign_in(site, "ada", PASSWORD)
    second, _ = accounts.sign_in(site, "ada", PASSWORD)
    once, question = accounts.ask_passkey(site, first) or ("", "")
    accounts.give_passkey(site, first, once, key.get(question))
    with pytest.raises(accounts.SpentLink):
        accounts.give_passkey(site, second, once, key.get(question))


def test_passkeys_need_a_name_and_https(under: Under, archive: Archive) -> None:
    assert accounts.has_place_for_passkeys(under())
    assert not accounts.has_place_for_passkeys(archive)  # http://127.0.0.1
