"""Telling people with an account."""

from collections.abc import Iterable

from invivo import database, notices


def notify(
    tx: database.Tx,
    people: int | Iterable[int],
    kind: str,
    subject: str,
    text: str,
    *,
    link: str = "",
    sealed: str = "",
) -> None:
    """Post a message to the inbox and the mail address of one or several people, in the caller's transaction.

    Parameters
    ----------
    kind, subject, text, link, sealed
        See `notices.post`. Who is no longer active is left out.
    """
    wanted = [people] if isinstance(people, int) else list(people)
    found = tx.execute(
        "select id, email from accounts.person where id = any (%s) and is_active order by id", [wanted]
    ).fetchall()
    for person in found:
        address = person.email if "@" in person.email else ""
        notices.post(tx, kind, subject, text, person_id=person.id, address=address, link=link, sealed=sealed)


def administrators(tx: database.Tx) -> list[int]:
    """Return the people who look after the archive."""
    found = tx.execute(
        "select id from accounts.person where 'administrator' = any (site_roles) and is_active order by id"
    )
    return [row.id for row in found]
