"""From which address a request comes, when proxies stand between.

References
----------
RFC 7239 describes what proxies tell of those before them; here the older and commoner ``X-Forwarded-For`` is read.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.types import Scope

from invivo.settings import SettingsInvalid

FORWARDED = b"x-forwarded-for"
MOST_HOPS = 32
Network = IPv4Network | IPv6Network


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read the networks of proxies that are believed; raises SettingsInvalid."""
    try:
        return tuple(ip_network(text.strip(), strict=False) for text in texts)
    except ValueError:
        raise SettingsInvalid("http.trusted_proxies names addresses or networks, such as 10.0.0.0/8.") from None


def address_of(scope: Scope, trusted: Sequence[Network], *, is_private: bool = False) -> str:
    """Return the address of who asks: the last one on the way that is no proxy of ours.

    What stands further to the left in the header was written by the client itself and proves nothing.

    Parameters
    ----------
    is_private : bool
        The request comes from our own public process by a private socket, which is believed.
    """
    peer = (scope.get("client") or ("", 0))[0]
    if not is_private and not _is_trusted(peer, trusted):
        return str(peer)
    told = b",".join(value for name, value in scope["headers"] if name == FORWARDED).decode("latin-1")
    hops = [hop.strip() for hop in told.split(",") if hop.strip()][-MOST_HOPS:]
    for hop in reversed(hops):
        if not _is_address(hop):
            return str(peer)
        if not _is_trusted(hop, trusted):
            return hop
        peer = hop
    return str(peer)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    if not trusted or not _is_address(text):
        return False
    address = ip_address(text)
    return any(address in network for network in trusted)
