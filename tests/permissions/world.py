"""A served archive with a collection of every access class, and somebody of every role."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from invivo import accounts, attachments, carts, collections, releases, search, submissions
from invivo.archive import Archive
from tests import factories
from tests.factories import PASSWORD, SYSTEM
from tests.walks.tree import free_port

TODAY = datetime.now(UTC).date()
CLASSES: dict[str, dict[str, object]] = {
    "open": {"access": "open"},
    "registered": {"access": "registered"},
    "controlled": {"access": "controlled"},
    "protected": {"access": "controlled"},
    "embargoed": {"access": "embargoed", "embargo_until": TODAY + timedelta(300)},
    "private": {"access": "private"},
    "unlisted": {"access": "open", "is_listed": False},
    "strict": {"access": "controlled"},
}
APPOINTED = ("member", "submitter", "curator", "owner", "committee", "editor")
PEOPLE = (
    "registered",
    *APPOINTED,
    "coordinator",
    "approved",
    "expired",
    "grouped",
    "elsewhere",
    "administrator",
)
ROLES = ("anonymous", *PEOPLE, "reviewer")
REVIEWED = "private"
PORTS: dict[str, int] = {}  # of the DICOM door that is served, and of the peer that objects are sent to


def expected(role: str, access: str) -> str:
    """Return what somebody may: ``K`` know the page, ``S`` see what is in it, ``H`` have the bytes."""
    if role in ("member", "curator", "owner", "grouped", "administrator") or (role, access) == ("reviewer", REVIEWED):
        return "KSH"
    is_known = role not in ("anonymous", "reviewer")
    visitor = {"open": "KSH", "registered": "KSH" if is_known else "KS", "protected": "K"}
    visitor |= {"controlled": "KS", "strict": "KS"}
    base = visitor.get(access, "K" if access == "embargoed" else "")
    if role in ("submitter", "committee", "editor", "coordinator"):
        return base or "K"
    if role == "approved" and access != "strict":  # its data are for sign-ins with a second factor
        return {"embargoed": "K", "private": ""}.get(access, "KSH")
    return base


@dataclass(frozen=True)
class Sample:
    """A collection and what to ask for in it; ``words`` are found nowhere else."""

    short_name: str
    collection_id: int
    study: str
    series: str
    instance: str
    subject: str
    attachment: int = 999999

    @property
    def known_words(self) -> tuple[str, ...]:
        return (self.short_name, f"Title of {self.short_name}")

    @property
    def seen_words(self) -> tuple[str, ...]:
        return (self.study, self.series, self.instance, self.subject)


UNKNOWN = Sample("ZQX-NOWHERE", 0, "1.2.3.999.1", "1.2.3.999.2", "1.2.3.999.3", "ZQX-NOWHERE-9999")


@dataclass(frozen=True)
class World:
    """Samples by access class, and a client by role."""

    samples: dict[str, Sample]
    clients: dict[str, httpx.Client]
    cart: str = ""
    editor: str = ""
    url: str = ""


def peer_port(home: Path) -> int:
    """Write settings with a peer that objects are sent to; return its port."""
    port = free_port()
    home.mkdir(parents=True, exist_ok=True)
    (home / "invivo.toml").write_text(f'[dimse.peers]\nMATRIX = "127.0.0.1:{port}"\n')
    return port


def fill(archive: Archive, dsn: str) -> tuple[dict[str, Sample], dict[str, str]]:
    """Make the collections and the people; return the samples, and the secret of each role: a token, or a link's."""
    people = {name: factories.make_person(archive, name) for name in PEOPLE if name != "administrator"}
    people["administrator"] = factories.make_person(archive, "administrator", "administrator")
    group = collections.write_group(archive, SYSTEM, "people")
    collections.add_to_group(archive, SYSTEM, group.id, people["grouped"].id)
    samples = {}
    for access, fields in CLASSES.items():
        made = factories.make_collection(archive, f"ZQ-{access.upper()}", **fields)
        factories.publish(archive, made, factories.make_series(2, patient=f"P-{access}"))
        for role in APPOINTED:
            collections.add_member(archive, SYSTEM, made.id, people[role].id, role)
        collections.add_group_role(archive, SYSTEM, made.id, group.id, "member")
        site = submissions.add_site(archive, SYSTEM, made.id, "EMPTY", "A site without data")
        submissions.add_coordinator(archive, SYSTEM, made.id, site.id, people["coordinator"].id)
        policy = collections.AccessPolicy(hides_metadata=access == "protected", needs_factor=access == "strict")
        collections.set_access_policy(archive, SYSTEM, made.id, policy)
        samples[access] = _sample(archive, made, dsn, people)
    other = factories.make_collection(archive, "ELSEWHERE", access="private")
    collections.add_member(archive, SYSTEM, other.id, people["elsewhere"].id, "curator")
    secrets = {}
    for name in PEOPLE:
        actor = factories.actor_named(archive, name)
        secrets[name], _ = accounts.create_token(archive, actor, "test", ["read", "submit", "curate"])
    address, _ = collections.make_link(archive, SYSTEM, samples[REVIEWED].collection_id, "Reviewer", 30)
    secrets["reviewer"] = address.rpartition("/")[2]
    secrets["cart"] = _filled_cart(archive, samples)
    address, _ = releases.make_editor_link(archive, SYSTEM, samples["embargoed"].collection_id, "Editor", 30)
    secrets["editor-link"] = address.rpartition("/")[2]
    _derive(archive, samples)
    return samples, secrets


def _filled_cart(archive: Archive, samples: dict[str, Sample]) -> str:
    """Fill a cart as somebody who sees everything; whoever knows its name may open it."""
    cart = carts.open_cart(archive, SYSTEM)
    assert carts.add_series(archive, SYSTEM, cart.id, [one.series for one in samples.values()]) == len(samples)
    return cart.id


def _derive(archive: Archive, samples: dict[str, Sample]) -> None:
    """Make derived results that everybody sees, of a collection that nobody knows of and of one that everybody knows of."""
    made = factories.make_collection(archive, "RESULTS", access="open")
    names = [samples[access].short_name for access in ("private", "unlisted", "open")]
    collections.set_sources(archive, SYSTEM, made.id, names)
    factories.publish(archive, made, factories.make_series(1, patient="P-results"))


def _sample(archive: Archive, made: collections.Collection, dsn: str, people: dict[str, accounts.Person]) -> Sample:
    with psycopg.connect(dsn) as tx:
        for name, starts, ends in (("approved", -1, 30), ("expired", -60, -1)):
            tx.execute(
                "insert into collections.request (collection_id, person_id, form, state, title, purpose, institution, starts_on,"
                " ends_on) values (%s, %s, 'application', 'approved', 'Use', 'p', 'i', current_date + %s::int,"
                " current_date + %s::int)",
                [made.id, people[name].id, starts, ends],
            )
        row = tx.execute(
            "select s.uid, i.uid from images.series s join images.instance i on i.series_key = s.key"
            " where s.collection_id = %s order by i.number limit 1",
            [made.id],
        ).fetchone()
    assert row is not None
    found = next(one for one in search.find(archive, SYSTEM, search.ALL).rows if one.series_uid == row[0])
    file = _attach(archive, dsn, made)
    return Sample(made.short_name, made.id, found.study_uid, row[0], row[1], found.subject, file)


def _attach(archive: Archive, dsn: str, made: collections.Collection) -> int:
    """Put a file that is not DICOM into the release of a collection."""
    spooled = archive.objects.spool_bytes(f"notes of {made.short_name}".encode(), 1000)
    archive.objects.keep([spooled])
    with archive.database.transaction() as tx:
        attachments.attach(tx, made.id, 1, "notes.txt", spooled.sha256, spooled.size, spooled.crc32)
    with psycopg.connect(dsn) as tx:
        row = tx.execute("select max(id) from attachments.attachment").fetchone()
    assert row is not None
    return int(row[0])


def command(home: Path) -> tuple[list[str], str, int]:
    """Return the arguments that serve a folder on free ports, the address, and the DICOM port."""
    http, dimse = free_port(), free_port()
    words = ["-m", "invivo", "serve", "--home", str(home)]
    return [*words, "--http", f"127.0.0.1:{http}", "--dimse", f"127.0.0.1:{dimse}"], f"http://127.0.0.1:{http}", dimse


def client(url: str, role: str, secrets: dict[str, str]) -> httpx.Client:
    """Return somebody's way of asking: a token, a reviewer's cookie, or nothing."""
    made = httpx.Client(base_url=url, timeout=60)
    if role == "reviewer":
        made.get(f"/reviewer/{secrets[role]}")
    elif role != "anonymous":
        made.headers["Authorization"] = f"Bearer {secrets[role]}"
    return made


__all__ = [
    "PASSWORD",
    "PORTS",
    "REVIEWED",
    "ROLES",
    "UNKNOWN",
    "Sample",
    "World",
    "client",
    "command",
    "expected",
    "fill",
    "peer_port",
]
