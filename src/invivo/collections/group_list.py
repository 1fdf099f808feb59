"""Reading a group's people from a list that somebody else keeps, without being led into our own network.

Only addresses that the setting ``groups.lists`` names are asked; by https, or by http at this very machine where private
addresses are allowed. The name is looked up once, the address checked, and that very address asked. Redirections are not
followed, and size and time are limited.
"""

import csv
import io
import ipaddress
import json
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from invivo import accounts, audit, jobs
from invivo.archive import Archive
from invivo.collections.group import UnknownGroup, is_allowed
from invivo.collections.uses import remind
from invivo.errors import Invalid, InvivoError, Refused

LARGEST_BYTES, TIME_S, MOST_ENTRIES, LONGEST_ENTRY = 8 << 20, 20.0, 100_000, 254
_KEYS = ("mail", "email", "e-mail", "account", "name", "username")


class ListRefused(Refused):
    """The list lies where we do not read."""

    code = "group.list-refused"


class ListUnreadable(Invalid):
    """The list did not come, or is not one."""

    code = "group.list-unreadable"


@dataclass(frozen=True, slots=True)
class _Target:
    """Where to ask: the checked address, and the name that it goes by."""

    url: str
    host: str
    server_name: str


def tend(archive: Archive) -> None:
    """Do what only time brings about: queue the lists that are due, and tell people whose approval ends soon."""
    with archive.database.transaction() as tx:
        due = tx.execute(
            "select id from collections.people_group where list_url <> ''"
            " and coalesce(list_tried_at, '-infinity') < now() - make_interval(mins => %s) order by id",
            [archive.settings.groups.sync_minutes],
        ).fetchall()
        for row in due:
            jobs.enqueue(tx, "sync-group", row.id)
    remind(archive)


def sync_group(archive: Archive, group_id: int, actor: accounts.Actor | None = None) -> bool:
    """Read a group's list again; return whether it could be read. What went wrong stands with the group.

    Raises
    ------
    Refused
        Somebody asks who is no administrator.
    UnknownGroup
    """
    if actor is not None and not actor.is_administrator:
        raise Refused("Only an administrator may change groups.", code="group.not-administrator")
    with archive.database.transaction() as tx:
        row = tx.execute(
            "update collections.people_group set list_tried_at = now() where id = %s returning list_url", [group_id]
        ).fetchone()
    if row is None or not row.list_url:
        raise UnknownGroup("There is no such group with a list.")
    try:
        entries = read_list(fetch_list(archive, row.list_url))
    except InvivoError as error:
        with archive.database.transaction() as tx:
            tx.execute(
                "update collections.people_group set list_error = %s where id = %s", [error.message[:300], group_id]
            )
        return False
    _keep(archive, group_id, row.list_url, entries, "system" if actor is None else actor.name)
    return True


def _keep(archive: Archive, group_id: int, url: str, entries: set[str], by: str) -> None:
    with archive.database.transaction() as tx:
        known = tx.execute(
            "update collections.people_group set list_read_at = now(), list_error = '' where id = %s and list_url = %s"
            " returning id",
            [group_id, url],
        ).fetchone()
        if known is None:
            return  # the group was changed or removed meanwhile
        gone = tx.execute(
            "delete from collections.group_listed where group_id = %s and entry <> all (%s)", [group_id, list(entries)]
        ).rowcount
        come = tx.execute(
            "insert into collections.group_listed (group_id, entry) select %s, unnest(%s::text[]) on conflict do nothing",
            [group_id, list(entries)],
        ).rowcount
        if gone or come:
            audit.note(tx, by, "group.sync", f"group:{group_id}", come=come, gone=gone, entries=len(entries))


def fetch_list(archive: Archive, url: str) -> bytes:
    """Return the bytes of an outside list.

    Raises
    ------
    ListRefused
        The address is not allowed, or leads to a private network.
    ListUnreadable
        It does not answer in time, or with more than 8 MB.
    """
    target = _target(archive, url)
    headers = {"Host": target.host, "Accept": "text/csv, application/json"}
    deadline = time.monotonic() + TIME_S
    read = bytearray()
    try:
        with (
            httpx.Client(trust_env=False, follow_redirects=False, timeout=5.0) as client,
            client.stream(
                "GET", target.url, headers=headers, extensions={"sni_hostname": target.server_name}
            ) as answer,
        ):
            if answer.status_code != 200:
                raise ListUnreadable(f"The list's server answered {answer.status_code}.")
            for piece in answer.iter_bytes():
                read += piece
                if len(read) > LARGEST_BYTES:
                    raise ListUnreadable(f"The list is larger than {LARGEST_BYTES >> 20} MB.")
                if time.monotonic() > deadline:
                    raise ListUnreadable("The list did not come in time.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ListUnreadable(f"The list's server does not answer ({type(error).__name__}).") from error
    return bytes(read)


def _target(archive: Archive, url: str) -> _Target:
    """Look the host up once and check where it leads."""
    if not is_allowed(archive, url):
        raise ListRefused("The list's address is not among groups.lists.")
    parts = urlsplit(url)
    host, is_private_allowed = parts.hostname or "", archive.settings.groups.private
    if parts.username or parts.password or not host or parts.scheme not in ("https", "http"):
        raise ListRefused("A list is read by https, without a name in its address.")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise ListUnreadable("The list's server has no address.") from error
    address = ipaddress.ip_address(str(found[0][4][0]).partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if not address.is_global and not is_private_allowed:
        raise ListRefused("The list's server is in a private network, where lists are read only with groups.private.")
    if parts.scheme == "http" and not (address.is_loopback and is_private_allowed):
        raise ListRefused("A list is read by https.")
    literal = f"[{address}]" if address.version == 6 else str(address)
    path = parts._replace(netloc=f"{literal}:{port}", fragment="").geturl()
    return _Target(path, parts.netloc, host)


def read_list(content: bytes) -> set[str]:
    """Read mail addresses or account names out of JSON or CSV.

    JSON: a list of texts or of objects with ``mail``, ``email``, ``account`` or ``name``, or an object whose ``members`` is
    such a list. CSV: the column of such a name, else the first.

    Raises
    ------
    ListUnreadable
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ListUnreadable("The list is not written in UTF-8.") from None
    found = _json_entries(text) if text.lstrip()[:1] in ("[", "{") else _csv_entries(text)
    entries = {one.strip().lower() for one in found} - {""}
    if len(entries) > MOST_ENTRIES or any(len(one) > LONGEST_ENTRY or not one.isprintable() for one in entries):
        raise ListUnreadable(f"The list has more than {MOST_ENTRIES} entries, or one that is no address and no name.")
    return entries


def _json_entries(text: str) -> list[str]:
    try:
        read: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise ListUnreadable("The list is not whole JSON.") from None
    members = read.get("members") if isinstance(read, dict) else read
    if not isinstance(members, list):
        raise ListUnreadable("The list is JSON without a list of members.")
    entries = []
    for one in members:
        value = next((one[key] for key in _KEYS if key in one), None) if isinstance(one, dict) else one
        if not isinstance(value, str):
            raise ListUnreadable("A member of the list is neither a text nor an object with a mail or name.")
        entries.append(value)
    return entries


def _csv_entries(text: str) -> list[str]:
    try:
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
    except csv.Error:
        raise ListUnreadable("The list is not whole CSV.") from None
    heads = [head.strip().lower() for head in rows[0]] if rows else []
    column = next((heads.index(key) for key in _KEYS if key in heads), None)
    body = rows if column is None else rows[1:]
    return [row[column or 0] for row in body if len(row) > (column or 0)]
