"""Applications for a collection's data: what an applicant writes, and where it stands.

draft -> awaiting-official -> submitted -> under-review -> approved | declined; withdrawn by the applicant until it is
decided; approved -> revoked. The simple form leaves the official out. An approval ends by its date alone.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

import psycopg

from invivo import accounts, audit, database, notices
from invivo.archive import Archive
from invivo.collections.access_policy import AccessPolicy, access_policy
from invivo.collections.agreement import agreement_in_force, has_signed, sign
from invivo.collections.collection import collection_by_id
from invivo.errors import Conflict, Invalid, NotFound, Refused

OFFICIAL_DAYS, LAPSE_DAYS = 30, 180
OPEN_STATES = ("draft", "awaiting-official", "submitted", "under-review")
STATES_IN_WORDS = {
    "draft": "Draft",
    "awaiting-official": "Waits for the signing official",
    "submitted": "Submitted",
    "under-review": "Under review",
    "approved": "Approved",
    "declined": "Declined",
    "withdrawn": "Withdrawn",
    "revoked": "Revoked",
}
_LONGEST = {
    "title": 200,
    "purpose": 10_000,
    "institution": 300,
    "collaborators": 4000,
    "official_name": 200,
    "official_email": 254,
    "progress": 10_000,
}


class UnknownRequest(NotFound):
    """There is no such application, or the actor may not see it."""

    code = "request.unknown"


class RequestState(Conflict):
    """The application is in a state in which this cannot be done."""

    code = "request.state"


@dataclass(frozen=True, slots=True)
class RequestDraft:
    """What an applicant writes; title and institution are made public if the application is approved."""

    title: str
    purpose: str
    institution: str
    collaborators: str = ""
    official_name: str = ""
    official_email: str = ""
    progress: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """An application as it stands.

    Attributes
    ----------
    starts_on, ends_on : date or None
        Between which days the approval holds, both included.
    is_over : bool
        Approved, and its last day is past.
    """

    id: int
    collection_id: int
    collection: str
    person_id: int
    applicant: str
    form: str
    state: str
    title: str
    purpose: str
    institution: str
    country: str
    collaborators: str
    official_name: str
    official_email: str
    official_at: datetime | None
    agreement_version: int | None
    renews: int | None
    progress: str
    created_at: datetime
    submitted_at: datetime | None
    decided_at: datetime | None
    decided_by: str
    reason: str
    conditions: str
    starts_on: date | None
    ends_on: date | None
    revoked_at: datetime | None
    is_over: bool

    @property
    def state_in_words(self) -> str:
        return "Ended" if self.is_over else STATES_IN_WORDS[self.state]


_ELSEWHERE = {
    "collection": "c.short_name",
    "applicant": "coalesce(nullif(p.display_name, ''), p.name)",
    "is_over": "(q.state = 'approved' and q.ends_on < current_date)",
}
_COLUMNS = ", ".join(f"{_ELSEWHERE.get(one.name, 'q.' + one.name)} as {one.name}" for one in fields(Request))
_FROM = (
    "from collections.request q join collections.collection c on c.id = q.collection_id"
    " join accounts.person p on p.id = q.person_id"
)
_WRITTEN = tuple(one.name for one in fields(RequestDraft))


def person_of(actor: accounts.Actor) -> int:
    """Return who is signed in; raises Refused if nobody is."""
    if actor.person_id is None:
        raise Refused("Sign in with an account of your own.", code="request.not-signed-in")
    return actor.person_id


def read_requests(tx: database.Tx, criteria: str, parameters: Sequence[Any] | dict[str, Any]) -> list[Request]:
    """Return applications by our own criteria, newest first."""
    found = tx.execute(f"select {_COLUMNS} {_FROM} where {criteria} order by q.id desc", parameters)  # noqa: S608
    return [Request(*row) for row in found]


def locked(tx: database.Tx, request_id: int) -> Request:
    """Return an application, locked until the transaction ends; raises UnknownRequest."""
    tx.execute("select 1 from collections.request where id = %s for update", [request_id])
    found = read_requests(tx, "q.id = %s", [request_id])
    if not found:
        raise UnknownRequest("There is no such application, or you may not see it.")
    return found[0]


def _own(tx: database.Tx, actor: accounts.Actor, request_id: int) -> Request:
    request = locked(tx, request_id)
    if request.person_id != person_of(actor):
        raise UnknownRequest("There is no such application, or you may not see it.")
    return request


def _checked(draft: RequestDraft, policy: AccessPolicy, *, is_renewal: bool) -> RequestDraft:
    for name, longest in _LONGEST.items():
        if len(getattr(draft, name)) > longest:
            raise Invalid(
                f"The {name.replace('_', ' ')} may have at most {longest} characters.", code=f"request.{name}"
            )
    needed = ["title", "purpose", "institution"]
    needed += ["official_name", "official_email"] if policy.request_form == "application" else []
    needed += ["progress"] if is_renewal else []
    for name in needed:
        if not getattr(draft, name).strip():
            raise Invalid(f"The {name.replace('_', ' ')} is needed.", code=f"request.{name}")
    mail = draft.official_email
    if mail and ("@" not in mail[1:-1] or not mail.isprintable() or " " in mail):
        raise Invalid("This is no mail address.", code="request.official_email")
    return draft


def _values(draft: RequestDraft) -> dict[str, str]:
    return {name: value.strip() for name, value in asdict(draft).items()}


def write_request(
    archive: Archive, actor: accounts.Actor, collection_id: int, draft: RequestDraft, renews: int | None = None
) -> Request:
    """Begin an application as a draft that only its writer sees.

    Parameters
    ----------
    renews : int, optional
        Own approved application that is to go on; the draft then needs a report on progress.

    Raises
    ------
    Refused
        Nobody is signed in, or the collection does not take applications.
    RequestState
        There is an open application already.
    Invalid
    """
    person_id, known = person_of(actor), collection_by_id(archive, actor, collection_id)
    if known.access not in ("controlled", "private"):
        raise Refused(f"{known.short_name} needs no application.", code="request.not-needed")
    try:
        with archive.database.transaction() as tx:
            policy = access_policy(tx, collection_id)
            _checked(draft, policy, is_renewal=renews is not None)
            if renews is not None:
                _renewable(tx, actor, collection_id, renews)
            names, places = ", ".join(_WRITTEN), ", ".join(f"%({name})s" for name in _WRITTEN)
            row = tx.execute(
                f"insert into collections.request (collection_id, person_id, form, renews, {names})"  # noqa: S608
                f" values (%(collection)s, %(person)s, %(form)s, %(renews)s, {places}) returning id",
                {"collection": collection_id, "person": person_id, "form": policy.request_form, "renews": renews}
                | _values(draft),
            ).fetchone()
            assert row is not None
            audit.note(tx, actor.name, "access.request-write", f"request:{row.id}", collection=collection_id)
            return locked(tx, row.id)
    except psycopg.errors.UniqueViolation:
        raise RequestState("You have an open application for this collection; go on with that one.") from None


def _renewable(tx: database.Tx, actor: accounts.Actor, collection_id: int, request_id: int) -> None:
    before = _own(tx, actor, request_id)
    if before.collection_id != collection_id or before.state != "approved":
        raise RequestState("Only an approval of your own for this collection can be renewed.")


def edit_request(archive: Archive, actor: accounts.Actor, request_id: int, draft: RequestDraft) -> Request:
    """Change a draft; raises RequestState once it is submitted."""
    with archive.database.transaction() as tx:
        before = _own(tx, actor, request_id)
        _need(before, "draft")
        _checked(draft, access_policy(tx, before.collection_id), is_renewal=before.renews is not None)
        places = ", ".join(f"{name} = %({name})s" for name in _WRITTEN)
        tx.execute(
            f"update collections.request set {places} where id = %(id)s",  # noqa: S608 - our own names
            {**_values(draft), "id": request_id},
        )
        audit.note(tx, actor.name, "access.request-write", f"request:{request_id}")
        return locked(tx, request_id)


def _need(request: Request, *states: str) -> None:
    if request.state not in states:
        raise RequestState(f"This application is {STATES_IN_WORDS[request.state].lower()}; this cannot be done now.")


def submit_request(
    archive: Archive, actor: accounts.Actor, request_id: int, *, version: int | None = None, name: str = ""
) -> Request:
    """draft -> awaiting-official (the official gets a link by mail) or, with the simple form, -> submitted.

    Parameters
    ----------
    version, name
        Version of the agreement that was read, and the applicant's name under it; needed if there is one to sign.

    Raises
    ------
    RequestState, AgreementChanged
    Refused
        The country or affiliation of the applicant's account rules it out.
    """
    with archive.database.transaction() as tx:
        request = _own(tx, actor, request_id)
        _need(request, "draft")
        country = _eligible(tx, request, access_policy(tx, request.collection_id))
        current = agreement_in_force(tx, request.collection_id)
        if current is not None and has_signed(tx, request.collection_id, request.person_id) != current[0]:
            sign(tx, actor, request.collection_id, version or 0, name)
        is_simple = request.form == "simple"
        tx.execute(
            "update collections.request set state = %s, country = %s, agreement_version = %s,"
            " submitted_at = case when %s then now() end where id = %s",
            [
                "submitted" if is_simple else "awaiting-official",
                country,
                current[0] if current else None,
                is_simple,
                request_id,
            ],
        )
        if is_simple:
            tell_electorate(tx, request)
        else:
            _ask_official(archive, tx, request)
        audit.note(tx, actor.name, "access.request-submit", f"request:{request_id}", collection=request.collection_id)
        return locked(tx, request_id)


def _eligible(tx: database.Tx, request: Request, policy: AccessPolicy) -> str:
    """Return the applicant's country; refuse whom the collection's rule leaves out."""
    row = tx.execute("select affiliation, country from accounts.person where id = %s", [request.person_id]).fetchone()
    assert row is not None
    country = row.country.strip().upper()
    if policy.needs_affiliation and not row.affiliation.strip():
        raise Refused("Say under your account where you work, then submit.", code="request.affiliation")
    if policy.denied_countries and not country:
        raise Refused("Say under your account in which country you work, then submit.", code="request.country-unknown")
    if country in policy.denied_countries:
        raise Refused(
            f"{request.collection} may not give its data to the country of your account.", code="request.country"
        )
    return str(country)


def _ask_official(archive: Archive, tx: database.Tx, request: Request) -> None:
    secret = secrets.token_urlsafe(32)
    tx.execute(
        "update collections.request set official_digest = %s, official_until = now() + make_interval(days => %s) where id = %s",
        [digest_of(secret), OFFICIAL_DAYS, request.id],
    )
    notices.post(
        tx,
        "access.official",
        f"{request.applicant} asks you to confirm an application",
        f"{request.applicant} applies for the data of {request.collection} at {archive.settings.site.name} and names you as"
        f" the signing official of {request.institution}. The link works once and for {OFFICIAL_DAYS} days.",
        address=request.official_email,
        sealed=f"{archive.settings.public_url}/official/{secret}",
    )


def send_official_again(archive: Archive, actor: accounts.Actor, request_id: int) -> None:
    """Send the signing official a new link; the old one ends."""
    with archive.database.transaction() as tx:
        request = _own(tx, actor, request_id)
        _need(request, "awaiting-official")
        _ask_official(archive, tx, request)
        audit.note(tx, actor.name, "access.official-again", f"request:{request_id}")


def withdraw_request(archive: Archive, actor: accounts.Actor, request_id: int) -> None:
    """draft, awaiting-official, submitted or under-review -> withdrawn."""
    with archive.database.transaction() as tx:
        _need(_own(tx, actor, request_id), *OPEN_STATES)
        tx.execute(
            "update collections.request set state = 'withdrawn', official_digest = null, decided_at = now(), decided_by = %s"
            " where id = %s",
            [actor.name, request_id],
        )
        audit.note(tx, actor.name, "access.request-withdraw", f"request:{request_id}")


def digest_of(secret: str) -> bytes:
    """Digest a link's secret: it has 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def electorate(tx: database.Tx, request: Request) -> list[int]:
    """Return who decides on an application: the committee, else the owners, else the administrators; never its writer."""
    roles = ("committee", "owner") if request.form == "application" else ("owner",)
    for role in roles:
        found = tx.execute(
            "select distinct r.person_id from collections.held_role r join accounts.person p on p.id = r.person_id"
            " and p.is_active where r.collection_id = %s and r.role = %s and r.person_id <> %s order by 1",
            [request.collection_id, role, request.person_id],
        ).fetchall()
        if found:
            return [row.person_id for row in found]
    return [one for one in accounts.administrators(tx) if one != request.person_id]


def tell_electorate(tx: database.Tx, request: Request) -> None:
    """Tell those who decide that an application waits for them."""
    text = f"{request.applicant} applies for the data of {request.collection}: {request.title}"
    subject = f"{request.collection}: an application to decide"
    accounts.notify(
        tx, electorate(tx, request), "access.submitted", subject, text, link=f"/access/requests/{request.id}"
    )


def request_by_id(archive: Archive, actor: accounts.Actor, request_id: int) -> Request:
    """Return an application for its writer, those who decide, the collection's owners and administrators.

    Raises
    ------
    UnknownRequest
    """
    with archive.database.transaction() as tx:
        found = read_requests(tx, "q.id = %s", [request_id])
        if found and _may_read(tx, actor, found[0]):
            return found[0]
    raise UnknownRequest("There is no such application, or you may not see it.")


def _may_read(tx: database.Tx, actor: accounts.Actor, request: Request) -> bool:
    if actor.person_id is None or not actor.has_scope("read"):
        return False
    if request.person_id == actor.person_id:
        return True
    return request.state != "draft" and (
        actor.may_own(request.collection_id) or actor.person_id in electorate(tx, request)
    )


def my_requests(archive: Archive, actor: accounts.Actor) -> list[Request]:
    """Return the applications of who is signed in, newest first."""
    with archive.database.transaction() as tx:
        return read_requests(tx, "q.person_id = %s", [person_of(actor)])


def requests_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Request]:
    """Return a collection's applications, drafts left out, for its committee and owners; raises Refused."""
    roles = actor.memberships.get(collection_id, frozenset())
    if not (actor.may_own(collection_id) or ("committee" in roles and actor.has_scope("curate"))):
        raise Refused(
            "Only the collection's committee or owner may see its applications.", code="request.not-committee"
        )
    with archive.database.transaction() as tx:
        return read_requests(tx, "q.collection_id = %s and q.state <> 'draft'", [collection_id])
