"""One POST to an address that somebody outside has named: it reaches no machine that only this one can reach.

The name is looked up once, every address that it has is checked, and the connection goes to the address that was checked. No
redirect is followed, no proxy is asked, and of the answer only the status line is read. All of it has one deadline.
"""

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from invivo.errors import Busy, Invalid

LONGEST_URL, LONGEST_LINE = 1000, 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r?\n|$)")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
# Addresses that are global by their register and lead inside: IPv4 behind NAT64, 6to4 and Teredo.
_LEADING_INSIDE = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


class BadTarget(Invalid):
    """The address is none that a webhook may lead to."""

    code = "hook.url"


class Unreached(Busy):
    """Nobody answered, or not in time, or not in HTTP."""

    code = "hook.unreached"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and what to say there."""

    host: str
    port: int
    path: str
    is_secure: bool
    address: str


def checked_url(url: str, *, may_be_private: bool) -> SplitResult:
    """Return the parts of an address that a webhook may have, as far as its text tells.

    Raises
    ------
    BadTarget
    """
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadTarget("A webhook's address is at most 1,000 printable ASCII characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadTarget("This is no address such as https://mirror.example.org/invivo.") from None
    if parts.scheme != "https" and not (may_be_private and parts.scheme == "http"):
        raise BadTarget("A webhook is reached by https.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise BadTarget("A webhook's address has no name, password or fragment; the signature proves who sends.")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname) or port == 0:
        raise BadTarget("A webhook's address names a host.")
    return parts


def is_outside(address: str) -> bool:
    """Return whether an IP address is reached by everybody: not private, loopback, link-local, multicast or reserved."""
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address) and one.ipv4_mapped is not None:
        one = one.ipv4_mapped
    if any(one in network for network in _LEADING_INSIDE if network.version == one.version):
        return False
    return one.is_global and not one.is_multicast and not one.is_reserved


def target_of(url: str, *, may_be_private: bool) -> Target:
    """Look an address up, once, and return where to connect.

    Raises
    ------
    BadTarget
        One of its addresses is inside.
    Unreached
        It has none.
    """
    parts = checked_url(url, may_be_private=may_be_private)
    is_secure, host = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (443 if is_secure else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreached("The name of the webhook's host has no address.") from None
    addresses = [str(one[4][0]) for one in found]
    if not may_be_private and not all(map(is_outside, addresses)):
        raise BadTarget(
            "The webhook's host is in a private network or on this machine, where none is told (hooks.private)."
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, port, path, is_secure, addresses[0])


def post(target: Target, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
    """Send a body and return the status of the answer.

    Raises
    ------
    Unreached
    """
    ends = time.monotonic() + timeout_s
    try:
        with socket.create_connection((target.address, target.port), timeout_s) as plain:
            _give_time(plain, ends)
            if not target.is_secure:
                return _ask(plain, target, headers, body, ends)
            with ssl.create_default_context().wrap_socket(plain, server_hostname=target.host) as secure:
                return _ask(secure, target, headers, body, ends)
    except (OSError, ValueError) as error:  # ssl's errors are OSErrors
        raise Unreached(f"The webhook does not answer ({type(error).__name__}).") from None


def _give_time(connection: socket.socket, ends: float) -> None:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)


def _ask(connection: socket.socket, target: Target, headers: Mapping[str, str], body: bytes, ends: float) -> int:
    usual = 443 if target.is_secure else 80
    named = f"[{target.host}]" if ":" in target.host else target.host
    host = named if target.port == usual else f"{named}:{target.port}"
    told = {"Host": host, "Connection": "close", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    _give_time(connection, ends)
    connection.sendall(f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body)
    line = b""
    while b"\n" not in line:
        _give_time(connection, ends)
        piece = connection.recv(LONGEST_LINE - len(line))
        line += piece
        if not piece or len(line) >= LONGEST_LINE:
            break
    match = _STATUS.match(line)
    if match is None:
        raise Unreached("The webhook's answer is not HTTP.")
    return int(match[1])
