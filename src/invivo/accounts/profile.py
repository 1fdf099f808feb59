"""One's own account: what it says, its mail address, closing it, confirming that it is still used."""

import re
from datetime import timedelta

from invivo import audit, database, notices
from invivo.accounts.account import keep_an_administrator
from invivo.accounts.actor import Actor
from invivo.accounts.factor import own_id
from invivo.accounts.notice import notify
from invivo.accounts.once import look_once, make_once, take_once
from invivo.accounts.password import need_password
from invivo.accounts.rate import charge
from invivo.accounts.registration import check_mail
from invivo.archive import Archive
from invivo.errors import Invalid

REMIND_DAYS = (30, 7)
_ORCID = re.compile(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]")


def check_orcid(text: str) -> str:
    """Return an ORCID iD in its sixteen digits, whose last one checks the others (ISO 7064 MOD 11-2); empty stays empty.

    Examples
    --------
    >>> check_orcid("https://orcid.org/0000-0002-1825-0097")
    '0000-0002-1825-0097'

    Raises
    ------
    Invalid
        It is malformed or the last digit does not fit.
    """
    orcid = text.strip().removeprefix("https://orcid.org/").removeprefix("http://orcid.org/").upper()
    if not orcid:
        return ""
    total = 0
    for digit in orcid.replace("-", "")[:-1] if _ORCID.fullmatch(orcid) else "":
        total = (total + int(digit)) * 2
    last = (12 - total % 11) % 11
    if not _ORCID.fullmatch(orcid) or orcid[-1] != ("X" if last == 10 else str(last)):
        raise Invalid("This is no ORCID iD; it looks like 0000-0002-1825-0097.", code="account.orcid")
    return orcid


def country_of(tx: database.Tx, person_id: int) -> str:
    """Return the country that a person's profile names, two letters; empty if it names none."""
    row = tx.execute("select country from accounts.person where id = %s", [person_id]).fetchone()
    return str(row.country) if row else ""


def change_profile(
    archive: Archive, actor: Actor, *, display_name: str, affiliation: str, country: str, orcid: str
) -> None:
    """Change what one's account says of its person; raises Invalid."""
    person_id, checked = own_id(actor), check_orcid(orcid)
    shown = " ".join(display_name.split())
    if not 2 <= len(shown) <= 200 or not shown.isprintable():
        raise Invalid("Give your name, 2 to 200 characters.", code="account.display-name")
    with archive.database.transaction() as tx:
        tx.execute(
            "update accounts.person set display_name = %s, affiliation = %s, country = %s, orcid = %s where id = %s",
            [shown, " ".join(affiliation.split())[:200], " ".join(country.split())[:60], checked, person_id],
        )
        audit.note(tx, actor.name, "account.profile", f"person:{person_id}")


def change_mail(archive: Archive, actor: Actor, email: str, password: str) -> None:
    """Mail a link to a new address, which counts when the link is used; the old one is told.

    Raises
    ------
    WrongCredentials, Invalid, TooManyAttempts
    """
    person_id, email = own_id(actor), check_mail(email)
    need_password(archive, actor, password)
    charge(archive, {f"register:{email.lower()}": 3})
    hours = archive.settings.accounts.link_hours
    with archive.database.transaction() as tx:
        tx.execute("delete from accounts.once where person_id = %s and purpose = 'mail'", [person_id])
        secret = make_once(tx, "mail", timedelta(hours=hours), person_id, email=email)
        notices.post(
            tx,
            "account.confirm",
            "Your mail address",
            "Somebody, probably you, wants to use this address for an account.",
            address=email,
            sealed=f"Confirm within {hours} hours: {archive.settings.public_url}/mail/{secret}",
        )
        notify(
            tx,
            person_id,
            "account.mail",
            "Your mail address",
            "A new mail address was given for your account; it counts when its link has been used. If it was not you, change"
            " your password and tell the administrator of this archive.",
            link="/account/profile",
        )
        audit.note(tx, actor.name, "account.mail-ask", f"person:{person_id}")


def new_mail_of(archive: Archive, secret: str) -> str:
    """Return the address that a link confirms; raises SpentLink."""
    with archive.database.transaction() as tx:
        return str(look_once(tx, "mail", secret).detail["email"])


def confirm_mail(archive: Archive, secret: str) -> None:
    """Put a new mail address into use by its link; raises SpentLink."""
    with archive.database.transaction() as tx:
        found = take_once(tx, "mail", secret)
        tx.execute(
            "update accounts.person set email = %s, mail_checked_at = now() where id = %s",
            [found.detail["email"], found.person_id],
        )
        audit.note(tx, f"person:{found.person_id}", "account.mail", f"person:{found.person_id}")


def close_own(archive: Archive, actor: Actor, password: str) -> None:
    """Close one's own account: sessions and tokens end at once; the last administrator stays.

    Raises
    ------
    Conflict
        The archive would be left without an administrator.
    """
    person_id = own_id(actor)
    need_password(archive, actor, password)
    with archive.database.transaction() as tx:
        tx.execute("select accounts.close_own(%s)", [person_id])
        keep_an_administrator(tx)
        audit.note(tx, actor.name, "account.close", f"person:{person_id}")


def renew(archive: Archive, actor: Actor) -> None:
    """Confirm that one still uses the account."""
    person_id = own_id(actor)
    with archive.database.transaction() as tx:
        tx.execute("update accounts.person set renewed_at = now(), reminded = 0 where id = %s", [person_id])
        audit.note(tx, actor.name, "account.renew", f"person:{person_id}")


def remind(archive: Archive) -> int:
    """Tell people whose accounts must be confirmed soon, once 30 and once 7 days before; return how many were told."""
    months = archive.settings.accounts.renewal_months
    if not months:
        return 0
    told = 0
    with archive.database.transaction() as tx:
        for stage, days in reversed(list(enumerate(REMIND_DAYS, 1))):  # one reminder at a time
            found = tx.execute(
                "update accounts.person set reminded = %(stage)s where is_active and reminded < %(stage)s"
                " and renewed_at + make_interval(months => %(months)s) <= now() + make_interval(days => %(days)s)"
                " returning id, (renewed_at + make_interval(months => %(months)s))::date as until",
                {"stage": stage, "months": months, "days": days},
            ).fetchall()
            for person in found:
                _remind_one(tx, person.id, str(person.until))
            told += len(found)
    return told


def _remind_one(tx: database.Tx, person_id: int, until: str) -> None:
    notify(
        tx,
        person_id,
        "account.renewal",
        "Confirm that you still use your account",
        f"From {until} on your account does nothing until you confirm it. It takes a click; your roles stay as they are.",
        link="/account/renewal",
    )


def is_due_soon(archive: Archive, actor: Actor) -> bool:
    """Return whether one's account waits for its confirmation, or will within 30 days."""
    months = archive.settings.accounts.renewal_months
    if not months or actor.person_id is None:
        return False
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select renewed_at + make_interval(months => %s) <= now() + make_interval(days => %s) as is_soon"
            " from accounts.person where id = %s",
            [months, REMIND_DAYS[0], actor.person_id],
        ).fetchone()
    return bool(row is not None and row.is_soon)
