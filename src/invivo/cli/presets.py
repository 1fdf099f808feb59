"""`invivo init --preset`: what an installation of a kind has from its first minute.

A preset is a file beside this one: the text of the settings, and the terms, forms, groups and collections to begin with. What
it sets can be changed afterwards like anything else.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from invivo import accounts, collections, submissions
from invivo.archive import Archive
from invivo.cli.options import SYSTEM
from invivo.errors import Invalid
from invivo.settings import Settings

_FILES = Path(__file__).with_name("kinds")


@dataclass(frozen=True, slots=True)
class Preset:
    """A kind of installation.

    Attributes
    ----------
    title : str
        One sentence.
    system : str
        The archive of the survey that is run like this; empty: none.
    settings : str
        TOML.
    terms : mapping or None
        ``version`` and ``text`` that everybody accepts.
    questions : tuple of mapping
        The form of a proposal; empty: the one that is shipped.
    agreement : str
        What a provider signs; empty: the one that is shipped.
    groups, collections : tuple of mapping
        Made from the start.
    """

    name: str
    title: str
    settings: str
    system: str = ""
    terms: Mapping[str, str] | None = None
    questions: tuple[Mapping[str, Any], ...] = ()
    agreement: str = ""
    groups: tuple[Mapping[str, str], ...] = ()
    collections: tuple[Mapping[str, Any], ...] = field(default=())


@cache
def presets() -> Mapping[str, Preset]:
    """Return the presets by their names."""
    return {path.stem: _read(path) for path in sorted(_FILES.glob("*.toml"))}


def _read(path: Path) -> Preset:
    written = tomllib.loads(path.read_text("utf-8"))
    for name in ("questions", "groups", "collections"):
        written[name] = tuple(written.get(name, ()))
    return Preset(path.stem, **written)


def preset_named(name: str) -> Preset:
    """Return a preset; raises Invalid with those there are."""
    if name not in presets():
        raise Invalid(f"There is no preset {name!r}; there are {', '.join(presets())}.", code="init.preset")
    return presets()[name]


def write_settings(preset: Preset, home: Path) -> None:
    """Write the preset's settings where the installation has none yet; raises Invalid where it has."""
    path = home / "invivo.toml"
    if path.exists():
        raise Invalid(f"{path} is there already; a preset is for a new installation.", code="init.settings-there")
    home.mkdir(parents=True, exist_ok=True)
    path.write_text(preset.settings.lstrip(), "utf-8")


def make(archive: Archive, preset: Preset) -> None:
    """Make what the preset begins with in a new installation that has its settings."""
    if preset.terms:
        accounts.publish_terms(archive, SYSTEM, preset.terms["version"], preset.terms["text"])
    if preset.questions:
        submissions.write_form(archive, SYSTEM, preset.questions)
    if preset.agreement:
        submissions.write_agreement(archive, SYSTEM, preset.agreement)
    for group in preset.groups:
        collections.write_group(archive, SYSTEM, group["name"], title=group.get("title", ""))
    for described in preset.collections:
        _make_collection(archive, dict(described))


def _make_collection(archive: Archive, described: dict[str, Any]) -> None:
    senders = described.pop("senders", ())
    state = described.pop("state", "active")
    draft = collections.draft_for(
        archive, described.pop("short_name"), described.pop("title"), **described, state=state
    )
    made = collections.create(archive, SYSTEM, draft)
    if senders:
        delivery = submissions.open_submission(archive, SYSTEM, made.id, "What is sent here").id
        for network in senders:
            submissions.add_sender(archive, SYSTEM, delivery, address=network)


# ---- the table of the docs -----------------------------------------------------------------------------------------

_REGISTRATION = {
    "closed": "made by an administrator",
    "invited": "by invitation",
    "moderated": "asked for, decided by staff",
    "open": "made by people themselves",
}
_REVIEW = {
    "person": "one curator",
    "two-persons": "two curators",
    "on-receipt": "the automatic steps, at once",
}
_VOTES = {"one": "one vote", "majority": "a majority", "all": "everybody"}


def described(preset: Preset) -> dict[str, str]:
    """Say in words what a preset sets: read out of its settings, so that the words are what it does."""
    told = Settings(**tomllib.loads(preset.settings))
    people, policy, deposit = told.accounts, told.collections, told.submissions
    accounts_of = _REGISTRATION[people.registration]
    accounts_of += {"none": "", "curators": "; two factors for curators", "all": "; two factors for all"}[
        people.second_factor
    ]
    accounts_of += f"; confirmed every {people.renewal_months} months" if people.renewal_months else ""
    access = policy.access + (", page only without an account" if policy.hides_metadata else "")
    if policy.access in ("controlled", "private"):
        asks = "an application" if policy.request_form == "application" else "a few words"
        access += f"; {asks}, {_VOTES[policy.vote_rule]}, {policy.term_months} months"
        access += ", two factors" if policy.needs_factor else ""
    ways: str = deposit.deposit
    if ways == "proposal":
        ways += f", {_VOTES[deposit.decision]} decides"
    elif ways == "own-projects":
        ways += f", {deposit.own_access} at first"
    review = _REVIEW[policy.review] + (f"; checklist of {len(policy.checklist)}" if policy.checklist else "")
    begins = [
        *(["terms"] if preset.terms else []),
        *(["a form of its own"] if preset.questions else []),
        *(["an agreement of its own"] if preset.agreement else []),
        *[f"group {one['name']}" for one in preset.groups],
        *[f"collection {one['short_name']}" for one in preset.collections],
    ]
    return {
        "Preset": f"`{preset.name}`",
        "Accounts": accounts_of,
        "Data come in": ways,
        "Review": review if preset.name != "inhouse" else "none: objects are kept as they come",
        "New collections": f"{access}; {policy.licence}; profile {policy.profile}",
        "From the start": ", ".join(begins) or "nothing",
    }
