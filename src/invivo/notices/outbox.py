"""Mail on its way: sent by a job, tried again for some days, and shown to the administrator where it cannot leave.

References
----------
RFC 5321 (SMTP), RFC 5322 (messages), RFC 3834 (what is sent by a machine says so).
"""

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

from invivo import database, jobs
from invivo.archive import Archive
from invivo.errors import NotFound
from invivo.settings import Mail as MailSettings

MAIL_DAYS = 3
_TIMEOUT_S = 20.0
_FIRST_S, _LONGEST_S = 60.0, 6 * 3600.0


class UnknownMail(NotFound):
    """There is no such mail, or it has left."""

    code = "notice.unknown-mail"


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail as the administrator's page shows it.

    Attributes
    ----------
    sealed : str
        What only its reader should see; the administrator of an archive without a mail server hands it on.
    state : {"waiting", "failed"}
    """

    id: int
    address: str
    subject: str
    sealed: str
    created_at: datetime
    state: str
    attempts: int
    error: str


def outbox(tx: database.Tx, limit: int = 200) -> list[Mail]:
    """Return mail that has not left, oldest first."""
    found = tx.execute(
        "select id, address, subject, sealed, created_at, mail, attempts, error from notices.message"
        " where mail in ('waiting', 'failed') order by id limit %s",
        [limit],
    )
    return [Mail(*row) for row in found]


def send_again(tx: database.Tx, message_id: int) -> None:
    """Try a mail that was given up once more; failed -> waiting.

    Raises
    ------
    UnknownMail
    """
    done = tx.execute(
        "update notices.message set mail = 'waiting', attempts = 0, error = '', created_at = now()"
        " where id = %s and mail in ('waiting', 'failed')",
        [message_id],
    )
    if not done.rowcount:
        raise UnknownMail(f"There is no mail {message_id} that waits; it may have left.")
    jobs.enqueue(tx, "mail", message_id)


def deliver(archive: Archive, message_id: int) -> None:
    """Send one mail; waiting -> sent, or failed after `MAIL_DAYS`. Without a mail server in the settings it waits.

    A mail may leave twice if the machine stops between the server's yes and our note of it.
    """
    mail = archive.settings.mail
    if not mail.host:
        return
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select id, address, kind, subject, text, sealed, link, created_at, attempts from notices.message"
            " where id = %s and mail = 'waiting' for update skip locked",
            [message_id],
        ).fetchone()
        if row is None:
            return
        try:
            _send(mail, _written(archive, row))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            _put_off(tx, archive, row.id, row.attempts + 1, row.created_at, type(error).__name__)
        else:
            tx.execute(
                "update notices.message set mail = 'sent', sealed = '', error = '', sent_at = now() where id = %s",
                [row.id],
            )


def sweep(archive: Archive) -> None:
    """Queue mail that waits for nothing but a server that has been set since."""
    if archive.settings.mail.host:
        with archive.database.transaction() as tx:
            for row in tx.execute("select id from notices.message where mail = 'waiting' and attempts = 0 limit 1000"):
                jobs.enqueue(tx, "mail", row.id)


def _put_off(
    tx: database.Tx, archive: Archive, message_id: int, attempts: int, created_at: datetime, error: str
) -> None:
    now = archive.clock()
    is_over = now - created_at > timedelta(days=MAIL_DAYS)
    tx.execute(
        "update notices.message set attempts = %s, error = %s, mail = %s where id = %s",
        [attempts, error, "failed" if is_over else "waiting", message_id],
    )
    if not is_over:
        wait_s = min(_FIRST_S * 2 ** min(attempts - 1, 10), _LONGEST_S)
        jobs.enqueue_later(tx, "mail", message_id, now + timedelta(seconds=wait_s))


def _written(archive: Archive, row: Any) -> EmailMessage:
    settings = archive.settings
    site = settings.site.public_url or f"http://{settings.http.bind}"
    parts = [row.text, row.sealed, f"{site}{row.link}" if row.link else "", f"-- \n{settings.site.name}\n{site}"]
    message = EmailMessage()
    message["From"] = settings.mail.sender or f"invivo@{settings.mail.host}"
    message["To"] = row.address
    message["Subject"] = f"[{settings.site.name}] {row.subject}"
    message["Date"] = format_datetime(archive.clock())
    message["Message-ID"] = make_msgid(idstring=str(row.id), domain="invivo.invalid")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n\n".join(part for part in parts if part))
    return message


def _send(mail: MailSettings, message: EmailMessage) -> None:
    context = ssl.create_default_context()
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=_TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=_TIMEOUT_S)
    with server:
        if mail.security == "starttls":
            server.starttls(context=context)
        if mail.user:
            server.login(mail.user, mail.password.get_secret_value())
        server.send_message(message)
