"""Whose address counts: what a proxy of ours says, never what a client writes itself."""

from typing import Any

import pytest

from invivo.serving.address import address_of, networks_of
from invivo.settings import SettingsInvalid

PROXIES = networks_of(["10.0.0.0/8", "2001:db8::1"])


def scope(peer: str, *told: str) -> dict[str, Any]:
    return {"client": (peer, 1234), "headers": [(b"x-forwarded-for", one.encode()) for one in told]}


@pytest.mark.parametrize(
    ("peer", "told", "address"),
    [
        ("192.0.2.9", (), "192.0.2.9"),
        ("192.0.2.9", ("198.51.100.1",), "192.0.2.9"),
        ("10.1.1.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.1.1.1", ("203.0.113.7, 198.51.100.1, 10.2.2.2",), "198.51.100.1"),
        ("10.1.1.1", ("203.0.113.7", "198.51.100.1"), "198.51.100.1"),
        ("10.1.1.1", ("198.51.100.1, not an address",), "10.1.1.1"),
        ("2001:db8::1", ("2001:db8::77",), "2001:db8::77"),
        ("10.1.1.1", (), "10.1.1.1"),
    ],
)
def test_the_nearest_hop_that_is_no_proxy_counts(peer: str, told: tuple[str, ...], address: str) -> None:
    assert address_of(scope(peer, *told), PROXIES) == address


def test_the_desk_believes_the_public_process(peer: str = "") -> None:
    assert address_of(scope(peer, "198.51.100.1"), (), is_private=True) == "198.51.100.1"


def test_a_network_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsInvalid):
        networks_of(["everywhere"])
