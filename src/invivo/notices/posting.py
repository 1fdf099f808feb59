"""Putting a message where its reader finds it."""

from invivo import database
from invivo.errors import Invalid

_LONGEST_SUBJECT, _LONGEST_TEXT, _LONGEST_ADDRESS = 200, 20_000, 254


def _one_line(text: str) -> str:
    return " ".join(text.split())


def post(
    tx: database.Tx,
    kind: str,
    subject: str,
    text: str,
    *,
    person_id: int | None = None,
    address: str = "",
    sealed: str = "",
    link: str = "",
) -> int:
    """Post a message in the caller's transaction; works for the public database role.

    Parameters
    ----------
    kind : str
        What it is about, such as ``account.confirm`` or ``release.published``.
    person_id : int or None
        Whose inbox it lies in; None: it goes by mail only.
    address : str
        Where it is mailed to; empty: it stays in the inbox.
    sealed : str
        What only the mail may say, such as a link with a secret; it is forgotten when the mail has left.
    link : str
        Path of the page it is about, such as ``/collections/LUNG``.

    Returns
    -------
    int
        Number of the message.

    Raises
    ------
    Invalid
        It has neither a person nor an address, or the address is none.
    """
    if person_id is None and not address:
        raise Invalid("A message needs somebody to read it.", code="notice.nobody")
    if address and (
        "@" not in address or len(address) > _LONGEST_ADDRESS or not address.isprintable() or " " in address
    ):
        raise Invalid("This is no mail address.", code="notice.address")
    row = tx.execute(
        "select notices.post(%s, %s, %s, %s, %s, %s, %s) as id",
        [
            person_id,
            address,
            kind,
            _one_line(subject)[:_LONGEST_SUBJECT],
            text[:_LONGEST_TEXT],
            sealed[:_LONGEST_TEXT],
            link,
        ],
    ).fetchone()
    assert row is not None
    return int(row.id)
