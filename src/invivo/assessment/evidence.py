"""What the running archive shows by itself, for a requirement: figures and settings, and what they leave open.

Only what everybody may know is told: the figures are those of the asker, and of settings only what visitors meet anyway.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from invivo import __version__, accounts, collections, helpdesk, images, submissions, usage
from invivo.archive import Archive
from invivo.assessment.fixity import fixity

Fact = tuple[str, str, str]  # what, how much, and the page that shows it, or nothing


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is shown.

    Attributes
    ----------
    facts : tuple of (what, how much, address or nothing)
    gaps : tuple of str
        What is missing here, in sentences.
    """

    title: str
    facts: tuple[Fact, ...]
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """What several kinds of evidence are made of, read once."""

    archive: Archive
    actor: accounts.Actor
    collections: tuple[collections.Collection, ...]


def _counted(values: list[str]) -> str:
    return ", ".join(f"{value} {number}" for value, number in Counter(values).most_common()) or "none yet"


def _holdings(known: _Known) -> Evidence:
    totals = images.totals(known.archive, known.actor)
    facts: list[Fact] = [("Collections", str(len(known.collections)), "/collections")]
    facts += [
        (name.capitalize(), f"{getattr(totals, name):,}", "/figures") for name in ("subjects", "studies", "series")
    ]
    return Evidence("Holdings", (*facts, ("Bytes", f"{totals.size_bytes:,}", "/figures")))


def _licences(known: _Known) -> Evidence:
    told = _counted([one.licence for one in known.collections])
    facts = (("Collections by licence", told, "/collections"), ("In every package", "LICENCE.txt and a citation", ""))
    return Evidence("Licences", facts)


def _access(known: _Known) -> Evidence:
    told = _counted([one.access for one in known.collections])
    way = "one rule for pages, programs, DICOM and packages; metadata can stay public where data are not"
    return Evidence("Access", (("Collections by access class", told, "/collections"), ("Enforced by", way, "")))


def _terms(known: _Known) -> Evidence:
    now = accounts.current_terms(known.archive)
    if now is None:
        return Evidence("Terms of use", (), ("No terms of use are published; an administrator puts them in force.",))
    return Evidence("Terms of use", (("In force", f"version {now.version}; acceptance is recorded", "/terms"),))


def _export(_known: _Known) -> Evidence:
    facts = (
        ("Files", "under the SHA-256 of their content, as plain DICOM files", ""),
        ("Records", "one PostgreSQL database, dumped by its own tools", ""),
        ("Followed from outside", "a feed of changes for mirrors", "/api/changes"),
    )
    return Evidence("Taking it elsewhere", facts, ("No test of a restore is recorded here.",))


def _deidentification(known: _Known) -> Evidence:
    told = _counted([one.profile for one in known.collections])
    facts = (
        ("Collections by profile", told, ""),
        (
            "Method",
            "DICOM PS3.15 Annex E, on arrival, with a second, independent pass; what is not understood is held",
            "",
        ),
    )
    return Evidence("De-identification", facts)


def _review(known: _Known) -> Evidence:
    told = _counted([one.review_rule for one in known.collections])
    steps = known.archive.settings.collections.checklist
    facts: list[Fact] = [("Collections by who decides", told, "")]
    facts += [("Checklist of new collections", ", ".join(steps), "")] if steps else []
    return Evidence("Review before release", tuple(facts))


def _journal(_known: _Known) -> Evidence:
    facts = (
        ("Written down", "every change of state, and every download of what is not open", ""),
        ("Kept", "append-only, sealed by a chain of digests that `invivo verify` checks", ""),
    )
    return Evidence("Journal", facts)


def _releases(known: _Known) -> Evidence:
    with known.archive.database.transaction() as tx:
        row = tx.execute(
            "select (select count(*) from releases.release where collection_id = any (%(ids)s)) as releases,"
            " (select count(*) from releases.tombstone where collection_id = any (%(ids)s)) as tombstones",
            {"ids": [one.id for one in known.collections]},
        ).fetchone()
    assert row is not None
    facts = (
        ("Releases, numbered and never changed", str(row.releases), "/collections"),
        ("Withdrawn series that left a tombstone", str(row.tombstones), ""),
    )
    return Evidence("Releases", facts)


def _fixity(known: _Known) -> Evidence:
    found = fixity(known.archive)
    gaps = [f"{found.damaged} stored objects are damaged now."] if found.damaged else []
    if found.round_ended_at is None:
        gaps.append("No round over all files has ended yet.")
    facts = (
        ("Read again and compared (SHA-256)", f"{found.objects:,} objects, {found.size_bytes:,} bytes", ""),
        ("All of them last", f"{found.round_ended_at:%Y-%m-%d}" if found.round_ended_at else "not yet", ""),
        ("Damaged now", str(found.damaged), ""),
    )
    return Evidence("Fixity", facts, tuple(gaps))


def _helpdesk(known: _Known) -> Evidence:
    hours, contact = helpdesk.response_hours(known.archive), known.archive.settings.site.contact
    gaps = [] if hours else ["No hours in which the helpdesk answers are named."]
    gaps += [] if contact else ["The archive names no general contact."]
    facts = (
        ("Questions", f"with a reference{', ' + hours if hours else ''}", "/helpdesk"),
        ("Contact", contact or "none", ""),
    )
    return Evidence("Helpdesk", facts, tuple(gaps))


def _deposit(known: _Known) -> Evidence:
    return Evidence("Deposit", (("How data come in", submissions.ways_in(known.archive).sentence, "/deposit"),))


def _formats(known: _Known) -> Evidence:
    totals = images.totals(known.archive, known.actor)
    facts = (
        ("Images", f"DICOM: {', '.join(totals.modalities) or 'none yet'}", ""),
        ("Descriptions", "schema.org, Croissant, DataCite, BibTeX, RIS, CSL; headers as DICOM JSON and XML", ""),
    )
    return Evidence("Formats", facts)


def _identifiers(known: _Known) -> Evidence:
    with known.archive.database.transaction() as tx:
        found = tx.execute(
            "select count(*) filter (where doi is not null and state = 'findable') as dois, count(*) as names"
            " from releases.identifier where collection_id = any (%s)",
            [[one.id for one in known.collections]],
        ).fetchone()
    assert found is not None
    has_account = bool(known.archive.settings.datacite.prefix)
    gaps = () if has_account else ("The archive has no DOI prefix: its identifiers are local.",)
    facts = (("DOIs that resolve", str(found.dois), ""), ("Identifiers in all", str(found.names), ""))
    return Evidence("Identifiers", facts, gaps)


def _search(_known: _Known) -> Evidence:
    facts = (
        ("For people", "every tag of every released image, with facets", "/search"),
        ("For programs", "REST, DICOMweb, DIMSE", "/api"),
    )
    return Evidence("Discovery", facts)


def _usage(known: _Known) -> Evidence:
    found = usage.figures(known.archive, known.actor)
    facts = (
        ("Downloads", f"{found.downloads:,}, {found.size_bytes:,} bytes", "/figures"),
        ("Counted by", "COUNTER's rules for research data: robots and repeats left out", "/figures"),
    )
    return Evidence("Measured use", facts)


def _storage(known: _Known) -> Evidence:
    days = known.archive.settings.work.fixity_days
    facts = (
        ("Acknowledged", "after it is written to the disk and committed", ""),
        ("Read again", f"every {days} days", ""),
        ("Deleted", "in two steps by two people, leaving a tombstone", ""),
    )
    return Evidence("Storage", facts)


def _software(known: _Known) -> Evidence:
    with known.archive.database.transaction() as tx:
        row = tx.execute("show server_version").fetchone()
    assert row is not None
    return Evidence("Software", (("invivo", __version__, "/about"), ("PostgreSQL", str(row[0]), "")))


def _uptime(known: _Known) -> Evidence:
    found = usage.uptime(known.archive, 365)
    if found.share is None:
        return Evidence("Availability", (), ("It has not been measured yet.",))
    return Evidence("Availability", ((f"Last {found.days} days", f"{found.share:.2%}", "/figures"),))


def _signin(known: _Known) -> Evidence:
    policy = known.archive.settings.accounts
    factors = {"none": "asked of nobody", "curators": "asked of who curates", "all": "asked of everybody"}
    gaps = () if policy.second_factor != "none" else ("No second factor is asked of curators.",)
    facts = (
        ("Second factor", factors[policy.second_factor], ""),
        ("Wrong passwords", f"a pause after {policy.attempts}", ""),
        ("Sessions and tokens", f"end after {policy.session_hours} hours without use and {policy.token_days} days", ""),
    )
    return Evidence("Signing in", facts, gaps)


def _requests(known: _Known) -> Evidence:
    found = [
        collections.request_figures(known.archive, known.actor, one.id)
        for one in known.collections
        if one.access == "controlled"
    ]
    decided, approved = sum(one.decided for one in found), sum(one.approved for one in found)
    facts = (
        ("Collections that ask for an application", str(len(found)), ""),
        ("Decided so far", f"{decided}, of which {approved} approved", ""),
        ("Approvals", "end by date, can be revoked, and are listed in public", ""),
    )
    return Evidence("Requests for data", facts)


_KINDS: dict[str, Callable[[_Known], Evidence]] = {
    "holdings": _holdings,
    "licences": _licences,
    "access": _access,
    "terms": _terms,
    "export": _export,
    "deidentification": _deidentification,
    "review": _review,
    "journal": _journal,
    "releases": _releases,
    "fixity": _fixity,
    "helpdesk": _helpdesk,
    "deposit": _deposit,
    "formats": _formats,
    "identifiers": _identifiers,
    "search": _search,
    "usage": _usage,
    "storage": _storage,
    "software": _software,
    "uptime": _uptime,
    "signin": _signin,
    "requests": _requests,
}


def evidence(archive: Archive, actor: accounts.Actor) -> dict[str, Evidence]:
    """Return what the archive shows by itself, by the names that requirements use."""
    known = _Known(archive, actor, tuple(collections.listed(archive, actor)))
    return {name: show(known) for name, show in _KINDS.items()}
