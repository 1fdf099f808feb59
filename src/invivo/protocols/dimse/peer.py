"""The peers that the settings name, and who somebody is that asks by DIMSE.

References
----------
DICOM PS3.7 D.3.3.7 (user identity); PS3.15 Annex B (secure transport).
"""

import asyncio
import socket
import ssl
from dataclasses import dataclass

from invivo import accounts
from invivo.archive import Archive
from invivo.protocols.dimse.pdu import AssociateRq
from invivo.settings import Dimse, SettingsInvalid

USER_NAME, USER_AND_PASSCODE = 1, 2


@dataclass(frozen=True, slots=True)
class Peer:
    """Where an application entity listens."""

    name: str
    aet: str
    host: str
    port: int


def peers_of(dimse: Dimse) -> dict[str, Peer]:
    """Read the peers of the settings, by name in capitals; raises SettingsInvalid."""
    found = {}
    for name, written in dimse.peers.items():
        title, at, address = written.rpartition("@")
        host, colon, port = address.rpartition(":")
        if not colon or not port.isdigit() or not 0 < int(port) < 65536:
            raise SettingsInvalid(f"dimse.peers.{name} must be HOST:PORT or AET@HOST:PORT.")
        found[name.upper()] = Peer(name, title if at else name.upper(), host.strip("[]"), int(port))
    return found


def peer_named(dimse: Dimse, aet: str) -> Peer | None:
    """Return the peer with a name or an application entity title."""
    peers = peers_of(dimse)
    return peers.get(aet.upper()) or next((one for one in peers.values() if one.aet == aet), None)


async def actor_of_peer(archive: Archive, asked: AssociateRq, address: str) -> accounts.Actor:
    """Return with whose rights a peer reads.

    A user name with a passcode must be right. Else a peer that the settings let read with somebody's rights has those if
    it comes from its address. Everybody else is anonymous.

    Raises
    ------
    WrongCredentials, TooManyAttempts
        The association is to be rejected.
    """
    identity = asked.user.identity
    if identity is not None and identity.kind == USER_AND_PASSCODE:
        name, secret = (one.decode("utf-8", "replace") for one in (identity.primary, identity.secondary))
        return await asyncio.to_thread(accounts.actor_of_password, archive, name, secret, address)
    dimse = archive.settings.dimse
    readers = {name.upper(): account for name, account in dimse.readers.items()}
    peer = peer_named(dimse, asked.calling) if readers else None
    if peer is None or peer.name.upper() not in readers:
        return accounts.ANONYMOUS
    return await asyncio.to_thread(_reader, archive, readers[peer.name.upper()], peer, address)


def _reader(archive: Archive, name: str, peer: Peer, address: str) -> accounts.Actor:
    """Return the actor of an account if the peer asks from its own address."""
    try:
        own = {found[4][0] for found in socket.getaddrinfo(peer.host, None, type=socket.SOCK_STREAM)}
    except OSError:
        own = set()
    if address not in own:
        return accounts.ANONYMOUS
    return accounts.actor_of_person(archive, accounts.person_named(archive, name).id)


def tls_of(dimse: Dimse) -> ssl.SSLContext:
    """Return how the secure port speaks: TLS 1.2 with forward secrecy or later (BCP 195), clients checked if an authority is set.

    Raises
    ------
    SettingsInvalid
        Certificate or key are missing or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    try:
        context.load_cert_chain(dimse.tls_certificate, dimse.tls_key or None)
        if dimse.tls_client_authority:
            context.load_verify_locations(dimse.tls_client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError):
        raise SettingsInvalid("dimse.tls_certificate, tls_key or tls_client_authority cannot be read.") from None
    return context
