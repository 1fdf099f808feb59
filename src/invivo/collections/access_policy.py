"""How a collection lets people ask for its data, and who may never have them."""

import re
from dataclasses import asdict, dataclass, fields

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Invalid, Refused

REQUEST_FORMS = {
    "simple": "A few words; the owner says yes or no",
    "application": "Purpose, institution and signing official; the data access committee decides",
}
VOTE_RULES = {
    "one": "One vote suffices",
    "majority": "More than half of the committee",
    "all": "Everybody on the committee",
}
LONGEST_TERM_MONTHS = 120
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """What applies to applications for a collection.

    Attributes
    ----------
    request_form : {"simple", "application"}
    vote_rule : {"one", "majority", "all"}
    term_months : int
        How long an approval lasts unless the committee says otherwise.
    denied_countries : tuple of str
        ISO 3166-1 codes of two letters; an approval of somebody there does not hold.
    needs_affiliation : bool
        Whether an applicant's account must say where they work.
    hides_metadata : bool
        Whether a collection shows its page only: what a controlled one has is seen after an approval, what a registered one
        has with an account.
    needs_factor : bool
        Whether an approval gives something only to who signed in with a second factor.
    """

    request_form: str = "application"
    vote_rule: str = "one"
    term_months: int = 12
    denied_countries: tuple[str, ...] = ()
    needs_affiliation: bool = False
    hides_metadata: bool = False
    needs_factor: bool = False


_OF_COLLECTION = ("hides_metadata", "needs_factor")
_KEPT = tuple(field.name for field in fields(AccessPolicy) if field.name not in _OF_COLLECTION)


def access_policy(tx: database.Tx, collection_id: int) -> AccessPolicy:
    """Return a collection's policy on applications; nothing in it is secret."""
    row = tx.execute(
        f"select {', '.join('y.' + name for name in _KEPT)}, c.hides_metadata, c.needs_factor from collections.collection c"  # noqa: S608
        " left join collections.access_policy y on y.collection_id = c.id where c.id = %s",
        [collection_id],
    ).fetchone()
    if row is None or row.request_form is None:
        hides, needs = (bool(row and getattr(row, name)) for name in _OF_COLLECTION)
        return AccessPolicy(hides_metadata=hides, needs_factor=needs)
    return AccessPolicy(**row._asdict() | {"denied_countries": tuple(row.denied_countries)})


def set_access_policy(archive: Archive, actor: accounts.Actor, collection_id: int, policy: AccessPolicy) -> None:
    """Change how applications for a collection are made and decided; it holds for what is decided from now on.

    Raises
    ------
    Refused
    Invalid
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner or an administrator may change this.", code="collection.not-owner")
    _check(policy)
    values = asdict(policy) | {"denied_countries": sorted(set(policy.denied_countries)), "id": collection_id}
    names, places = ", ".join(_KEPT), ", ".join(f"%({name})s" for name in _KEPT)
    with archive.database.transaction() as tx:
        tx.execute(
            f"insert into collections.access_policy (collection_id, {names}) values (%(id)s, {places})"  # noqa: S608
            f" on conflict (collection_id) do update set ({names}) = ({places})",
            values,
        )
        tx.execute(
            "update collections.collection set hides_metadata = %(hides_metadata)s, needs_factor = %(needs_factor)s where id = %(id)s",
            values,
        )
        audit.note(tx, actor.name, "access.policy", f"collection:{collection_id}", **asdict(policy))


def _check(policy: AccessPolicy) -> None:
    if policy.request_form not in REQUEST_FORMS:
        raise Invalid(f"A form is one of {', '.join(REQUEST_FORMS)}.", code="access.request-form")
    if policy.vote_rule not in VOTE_RULES:
        raise Invalid(f"A rule is one of {', '.join(VOTE_RULES)}.", code="access.vote-rule")
    if not 1 <= policy.term_months <= LONGEST_TERM_MONTHS:
        raise Invalid(f"A term has 1 to {LONGEST_TERM_MONTHS} months.", code="access.term-months")
    if len(policy.denied_countries) > 250 or not all(_COUNTRY.fullmatch(one) for one in policy.denied_countries):
        raise Invalid("Countries are codes of two letters (ISO 3166-1), such as FR.", code="access.denied-countries")
