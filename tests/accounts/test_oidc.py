"""Sign-in elsewhere opens an account only for the issuer, archive, browser, sign-in and time that it was begun for."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey

from invivo import accounts
from invivo.accounts.oidc import NotProven, ProviderAway
from invivo.archive import Archive
from invivo.errors import Conflict, NotFound
from tests.accounts.conftest import Under
from tests.factories import PASSWORD, SYSTEM, actor_named, make_person
from tests.fakes.oidc import CLIENT, SECRET, Issuer

Open = Callable[..., Archive]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.stop()


@pytest.fixture
def site(under: Under, issuer: Issuer) -> Open:
    def make(**policy: Any) -> Archive:
        known = {"issuer": issuer.address, "client_id": CLIENT, "client_secret": SECRET, "label": "Elsewhere"}
        trust = {"trusts_mail": policy.pop("trusts_mail", False)}
        return under(oidc={"elsewhere": known | trust}, **policy)

    return make


def answer_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def go(site: Archive, issuer: Issuer, actor: accounts.Actor | None = None, browser: str = "b") -> accounts.Outcome:
    """Walk the whole way, in one browser."""
    way = accounts.begin_oidc(site, "elsewhere", browser, "/search", actor)
    return accounts.finish_oidc(site, answer_of(issuer.visit(way)), browser, actor or accounts.ANONYMOUS, "Firefox")


def linked(site: Archive, issuer: Issuer, archive: Archive, name: str = "ada") -> accounts.Actor:
    make_person(archive, name)
    actor = actor_named(archive, name)
    assert go(site, issuer, actor).kind == "linked"
    return actor


def test_a_linked_identity_signs_in(site: Open, issuer: Issuer, archive: Archive) -> None:
    opened = site()
    linked(opened, issuer, archive)
    ended = go(opened, issuer)
    assert (ended.kind, ended.target) == ("session", "/search")
    assert accounts.actor_of_session(opened, ended.secret).label == "ada"


def test_the_second_factor_is_asked_for_all_the_same(site: Open, issuer: Issuer, archive: Archive) -> None:
    linked(site(), issuer, archive)
    opened = site(second_factor="all")
    assert accounts.actor_of_session(opened, go(opened, issuer).secret).step == "enrol"


def test_a_mail_address_alone_opens_no_account(site: Open, issuer: Issuer, archive: Archive) -> None:
    accounts.create_person(archive, SYSTEM, "olga", PASSWORD, email="olga@example.org")
    opened = site(trusts_mail=True, registration="open")
    assert go(opened, issuer).kind == "newcomer"


def test_a_stranger_is_refused_where_accounts_are_made_by_others(site: Open, issuer: Issuer) -> None:
    with pytest.raises(NotProven, match="No account is linked"):
        go(site(), issuer)


def test_a_newcomer_registers_without_a_password(site: Open, issuer: Issuer, archive: Archive) -> None:
    opened = site(trusts_mail=True, registration="open")
    proof = accounts.newcomer_of(opened, go(opened, issuer).secret)
    assert (proof.display_name, proof.email, proof.is_mail_checked) == ("Olga Other", "olga@example.org", True)
    identity = accounts.Identity(proof.issuer, proof.subject)
    asking = accounts.Asking(proof.display_name, proof.email)
    secret = accounts.ask_for_account(opened, asking, identity=identity, is_mail_checked=proof.is_mail_checked)
    accounts.finish_registration(opened, secret, "olga")
    assert accounts.actor_of_session(opened, go(opened, issuer).secret).label == "Olga Other"
    with pytest.raises(accounts.WrongCredentials):
        accounts.sign_in(opened, "olga", "")
    with pytest.raises(Conflict):
        accounts.unlink_identity(opened, actor_named(archive, "olga"), issuer.address)


@pytest.mark.parametrize("trusts", [True, False])
@pytest.mark.parametrize("verified", [True, False, "true"])
def test_a_mail_address_is_only_believed_if_verified_and_trusted(
    site: Open, issuer: Issuer, trusts: bool, verified: object
) -> None:
    opened = site(trusts_mail=trusts, registration="open")
    issuer.claims = {"email_verified": verified}
    proof = accounts.newcomer_of(opened, go(opened, issuer).secret)
    assert proof.is_mail_checked is (trusts and verified is True)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another sign-in's"},
        {"aud": "another-archive"},
        {"aud": [CLIENT, "another-archive"]},
        {"aud": [CLIENT, "another-archive"], "azp": "another-archive"},
        {"azp": "another-archive"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": 1_600_000_000},
        {"iat": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"sub": ""},
    ],
    ids="-".join,
)
def test_a_token_for_something_else_is_refused(
    site: Open, issuer: Issuer, archive: Archive, claims: dict[str, Any]
) -> None:
    opened = site()
    linked(opened, issuer, archive)
    issuer.claims = claims
    with pytest.raises(NotProven):
        go(opened, issuer)


@pytest.mark.parametrize("name", ["nonce", "aud", "iss", "sub", "exp", "iat"])
def test_a_token_that_leaves_something_out_is_refused(site: Open, issuer: Issuer, archive: Archive, name: str) -> None:
    opened = site()
    linked(opened, issuer, archive)
    issuer.without = {name}
    with pytest.raises(NotProven):
        go(opened, issuer)


def test_an_unsigned_token_is_refused(site: Open, issuer: Issuer, archive: Archive) -> None:
    opened = site()
    linked(opened, issuer, archive)
    issuer.is_unsigned = True
    with pytest.raises(NotProven):
        go(opened, issuer)


def test_a_token_signed_by_somebody_else_is_refused(site: Open, issuer: Issuer, archive: Archive) -> None:
    opened = site()
    linked(opened, issuer, archive)
    issuer.signing_key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
    with pytest.raises(NotProven):
        go(opened, issuer)


def test_an_answer_is_taken_only_from_the_browser_that_began(site: Open, issuer: Issuer, archive: Archive) -> None:
    opened = site()
    linked(opened, issuer, archive)
    answer = answer_of(issuer.visit(accounts.begin_oidc(opened, "elsewhere", "the attacker's")))
    with pytest.raises(NotProven, match="another browser"):
        accounts.finish_oidc(opened, answer, "the victim's", accounts.ANONYMOUS)


def test_an_answer_is_taken_once(site: Open, issuer: Issuer, archive: Archive) -> None:
    opened = site()
    linked(opened, issuer, archive)
    answer = answer_of(issuer.visit(accounts.begin_oidc(opened, "elsewhere", "b")))
    accounts.finish_oidc(opened, answer, "b", accounts.ANONYMOUS)
    with pytest.raises(accounts.SpentLink):
        accounts.finish_oidc(opened, answer, "b", accounts.ANONYMOUS)


def test_a_code_of_another_sign_in_is_refused(site: Open, issuer: Issuer, archive: Archive) -> None:
    opened = site()
    linked(opened, issuer, archive)
    stolen = answer_of(issuer.visit(accounts.begin_oidc(opened, "elsewhere", "the victim's")))
    own = answer_of(issuer.visit(accounts.begin_oidc(opened, "elsewhere", "b")))
    with pytest.raises(NotProven):
        accounts.finish_oidc(opened, own | {"code": stolen["code"]}, "b", accounts.ANONYMOUS)


@pytest.mark.parametrize("answer", [{}, {"state": "made up", "code": "x"}])
def test_an_answer_that_nobody_asked_for_is_refused(site: Open, answer: dict[str, str]) -> None:
    with pytest.raises(accounts.SpentLink):
        accounts.finish_oidc(site(), answer, "b", accounts.ANONYMOUS)


@pytest.mark.parametrize("more", [{"iss": "https://evil.example"}, {"code": ""}])
def test_an_answer_of_another_issuer_or_without_a_code_is_refused(
    site: Open, issuer: Issuer, archive: Archive, more: dict[str, str]
) -> None:
    opened = site()
    answer = answer_of(issuer.visit(accounts.begin_oidc(opened, "elsewhere", "b")))
    with pytest.raises(NotProven):
        accounts.finish_oidc(opened, answer | more, "b", accounts.ANONYMOUS)


def test_a_link_begun_by_one_account_is_not_finished_by_another(site: Open, issuer: Issuer, archive: Archive) -> None:
    opened = site()
    make_person(archive)
    make_person(archive, "eve")
    answer = answer_of(issuer.visit(accounts.begin_oidc(opened, "elsewhere", "b", "", actor_named(archive, "eve"))))
    with pytest.raises(NotProven):
        accounts.finish_oidc(opened, answer, "b", actor_named(archive, "ada"))


def test_an_identity_belongs_to_one_account(site: Open, issuer: Issuer, archive: Archive) -> None:
    opened = site()
    linked(opened, issuer, archive)
    make_person(archive, "eve")
    with pytest.raises(Conflict):
        go(opened, issuer, actor_named(archive, "eve"))
    accounts.unlink_identity(opened, actor_named(archive, "ada"), issuer.address)
    assert go(opened, issuer, actor_named(archive, "eve")).kind == "linked"


def test_a_closed_account_does_not_sign_in_elsewhere(site: Open, issuer: Issuer, archive: Archive) -> None:
    opened = site(registration="open")
    ada = linked(opened, issuer, archive)
    make_person(archive, "root", "administrator")
    accounts.deactivate(archive, SYSTEM, ada.person_id or 0)
    with pytest.raises(NotProven, match="closed"):
        go(opened, issuer)


@pytest.mark.parametrize(
    "description",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://192.0.2.1/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
    ],
    ids=lambda one: next(iter(one)),
)
def test_a_provider_that_describes_itself_otherwise_is_not_followed(
    site: Open, issuer: Issuer, description: dict[str, Any]
) -> None:
    issuer.description = description
    with pytest.raises(ProviderAway):
        accounts.begin_oidc(site(), "elsewhere", "b")


def test_only_providers_of_the_settings_are_asked(site: Open, issuer: Issuer) -> None:
    with pytest.raises(NotFound):
        accounts.begin_oidc(site(), issuer.address, "b")
    assert issuer.asked == []


def test_a_provider_that_is_away_is_said_to_be(site: Open, issuer: Issuer) -> None:
    opened = site()
    issuer.stop()
    with pytest.raises(ProviderAway):
        accounts.begin_oidc(opened, "elsewhere", "b")


def test_a_provider_without_https_is_not_asked(under: Under) -> None:
    site = under(oidc={"bare": {"issuer": "http://id.example.org", "client_id": "x"}})
    with pytest.raises(ProviderAway, match="HTTPS"):
        accounts.begin_oidc(site, "bare", "b")
