"""Persistent identifiers: one for a collection as a whole and one for each release, made at DataCite or, without an account there, local.

A DOI is wanted in a state and a job brings it there; DataCite that is away is asked again for days. What is findable never
becomes a draft again: when its data are withdrawn it stays registered and leads to a page that says so.

References
----------
DataCite REST API (``/dois``, JSON:API); DOI states draft, registered, findable.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from invivo import accounts, audit, collections, database, jobs
from invivo.archive import Archive
from invivo.errors import Broken, Busy, Conflict, NotFound, Refused
from invivo.releases import datacite
from invivo.releases.description import Description, describe

EVENTS = {"draft": "", "registered": "register", "findable": "publish"}
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_FIRST_S, _LONGEST_S, _MOST_TRIES = 60.0, 6 * 3600.0, 40
_TIMEOUT_S = 20.0


class DataCiteAway(Busy):
    """DataCite does not answer, or asks to come later."""

    code = "identifier.away"


class DataCiteRefuses(Broken):
    """DataCite does not take the description; it says why."""

    code = "identifier.refused"


class UnknownIdentifier(NotFound):
    """No identifier of this archive has this name."""

    code = "identifier.unknown"


class Findable(Conflict):
    """A DOI that is findable cannot become a draft again."""

    code = "identifier.findable"


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier as the owner's page shows it.

    Attributes
    ----------
    number : int
        Of the release; 0 for the collection as a whole.
    name : str
        Under ``/id/`` it leads to the landing page, whatever becomes of the DOI.
    doi : str
        Empty where none was asked for.
    state, wanted : {"local", "draft", "registered", "findable"}
        ``local``: there is a name and no DOI.
    error : str
        What DataCite said last, if it was not yes.
    """

    number: int
    name: str
    doi: str
    state: str
    wanted: str
    url: str
    attempts: int
    error: str
    settled_at: datetime | None


_COLUMNS = "number, name, coalesce(doi, ''), state, wanted, url, attempts, error, settled_at"


def identifiers_of(tx: database.Tx, collection_id: int) -> list[Identifier]:
    """Return the identifiers of a collection and its releases."""
    found = tx.execute(
        f"select {_COLUMNS} from releases.identifier where collection_id = %s order by number",  # noqa: S608 - our own names
        [collection_id],
    )
    return [Identifier(*row) for row in found]


def want_identifier(archive: Archive, actor: accounts.Actor, collection_id: int, number: int, state: str) -> Identifier:
    """Say in which state the identifier of a release (0: of the collection) should be; it is made if there is none.

    Raises
    ------
    Refused
        The actor does not own the collection.
    UnknownRelease, Findable
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner may make identifiers.", code="identifier.not-owner")
    told = describe(archive, actor, collection_id, number or None)
    settings = archive.settings.datacite
    wanted = state if settings.prefix and settings.account else "local"
    with archive.database.transaction() as tx:
        tx.execute(
            "insert into releases.identifier (collection_id, number, name, state, wanted, url)"
            " values (%s, %s, %s, 'local', 'local', %s) on conflict do nothing",
            [collection_id, number, _new_name(), told.url],
        )
        row = tx.execute(
            "select state from releases.identifier where collection_id = %s and number = %s for update",
            [collection_id, number],
        ).fetchone()
        assert row is not None
        if row.state in ("findable", "registered") and wanted == "draft":
            raise Findable("A DOI that was published stays; hide it instead.")
        tx.execute(
            "update releases.identifier set wanted = %s, attempts = 0, error = '', url = %s,"
            " doi = coalesce(doi, %s || '/' || name) where collection_id = %s and number = %s",
            [wanted, told.url, settings.prefix if wanted != "local" else None, collection_id, number],
        )
        if wanted != "local":
            jobs.enqueue(tx, "mint", f"{collection_id}/{number}")
        audit.note(tx, actor.name, "identifier.want", f"collection:{collection_id}", number=number, state=wanted)
        return next(one for one in identifiers_of(tx, collection_id) if one.number == number)


def _new_name() -> str:
    """A name without meaning: fifty random bits in Crockford's letters."""
    suffix = "".join(secrets.choice(_LETTERS) for _ in range(10))
    return f"{suffix[:5]}-{suffix[5:]}"


def page_of(archive: Archive, actor: accounts.Actor, name: str) -> str:
    """Return where a name of ours leads: the path of a landing page; under an embargo that of the collection.

    Raises
    ------
    UnknownIdentifier
        There is none, or the actor may not know of its collection.
    """
    statement = database.join(
        "select case when {shown} then i.number else 0 end as number, c.short_name"
        " from releases.identifier i join collections.collection c on c.id = i.collection_id"
        " where i.name = %(name)s and {visible}",
        visible=collections.collections_visible_to(actor),
        shown=collections.releases_visible_to(actor),
    )
    with archive.database.transaction() as tx:
        found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, "name": name}))
    if not found:
        raise UnknownIdentifier("This archive has no such identifier.")
    return f"/collections/{found[0].short_name}" + (f"/releases/{found[0].number}" if found[0].number else "")


def mint(archive: Archive, key: str) -> None:
    """Bring an identifier into the state that is wanted; the key is ``collection/number``.

    DataCite that is away is asked again later, for some days; a description that it does not take waits for its owner.
    """
    collection_id, number = (int(part) for part in key.split("/"))
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"select {_COLUMNS} from releases.identifier where collection_id = %s and number = %s and wanted <> 'local'"
            " for update skip locked",
            [collection_id, number],
        ).fetchone()
        if row is None:
            return
        asked = Identifier(*row)
        told = describe(archive, accounts.system(), collection_id, number or None)
        try:
            _tell(archive, asked, told)
        except (DataCiteAway, DataCiteRefuses) as error:
            _put_off(tx, archive, (collection_id, asked), error)
            return
        tx.execute(
            "update releases.identifier set state = wanted, error = '', attempts = 0, settled_at = now()"
            " where collection_id = %s and number = %s",
            [collection_id, number],
        )
        audit.note(tx, "system", "identifier.settled", f"collection:{collection_id}", doi=asked.doi, state=asked.wanted)


def _put_off(tx: database.Tx, archive: Archive, which: tuple[int, Identifier], error: Busy | Broken) -> None:
    collection_id, asked = which
    tx.execute(
        "update releases.identifier set attempts = attempts + 1, error = %s where collection_id = %s and number = %s",
        [error.message[:1000], collection_id, asked.number],
    )
    if isinstance(error, DataCiteAway) and asked.attempts < _MOST_TRIES:
        wait_s = min(_FIRST_S * 2 ** min(asked.attempts, 10), _LONGEST_S)
        at = archive.clock() + timedelta(seconds=wait_s)
        jobs.enqueue_later(tx, "mint", f"{collection_id}/{asked.number}", at)


def _tell(archive: Archive, asked: Identifier, told: Description) -> None:
    settings = archive.settings.datacite
    body: dict[str, Any] = datacite.attributes(told) | {"doi": asked.doi, "url": told.url}
    if EVENTS[asked.wanted]:
        body["event"] = "hide" if asked.state == "findable" and asked.wanted == "registered" else EVENTS[asked.wanted]
    message = {"data": {"type": "dois", "id": asked.doi, "attributes": body}}
    headers = {"Content-Type": "application/vnd.api+json", "Accept": "application/vnd.api+json"}
    account = (settings.account, settings.password.get_secret_value())
    try:
        with httpx.Client(base_url=settings.url, auth=account, headers=headers, timeout=_TIMEOUT_S) as client:
            answer = client.put(f"/dois/{asked.doi}", json=message)
            if answer.status_code == 404:
                answer = client.post("/dois", json=message)
    except httpx.HTTPError as error:
        raise DataCiteAway(f"DataCite does not answer ({type(error).__name__}).") from None
    if answer.status_code in (200, 201):
        return
    if answer.status_code == 429 or answer.status_code >= 500:
        raise DataCiteAway(f"DataCite answers {answer.status_code}; it is asked again later.")
    raise DataCiteRefuses(f"DataCite answers {answer.status_code}: {_faults(answer)}")


def _faults(answer: httpx.Response) -> str:
    try:
        faults = answer.json()["errors"]
        return "; ".join(f"{one.get('source', '')} {one.get('title', '')}".strip() for one in faults)[:500]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "no reason given"
