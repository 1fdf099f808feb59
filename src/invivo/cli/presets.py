"""`invivo init --preset`: what an installation of a kind has from its first minute."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from invivo import collections, submissions
from invivo.archive import Archive
from invivo.cli.options import SYSTEM
from invivo.errors import Invalid

_LOOPBACK = ("127.0.0.0/8", "::1")


@dataclass(frozen=True, slots=True)
class Preset:
    """A kind of installation: one sentence, its settings as TOML, and what is made in it."""

    title: str
    settings: str
    make: Callable[[Archive], None]


def _make_inhouse(archive: Archive) -> None:
    draft = collections.Draft(
        "INHOUSE",
        "All images of the house",
        licence="LicenseRef-in-house",
        access="open",
        summary="Everything that is sent to this archive, kept as it comes.",
        review_rule="direct",
        profile="verify",
    )
    number = collections.create(archive, SYSTEM, draft).id
    delivery = submissions.open_submission(archive, SYSTEM, number, "What is sent here").id
    for network in _LOOPBACK:
        submissions.add_sender(archive, SYSTEM, delivery, address=network)


PRESETS = {
    "inhouse": Preset(
        "A plain DICOM server for this machine: takes in from any loopback sender, keeps objects as they come, shows them at once.",
        '[site]\nname = "INHOUSE"\n\n[inhouse]\nidentified = true\n\n'
        "[dimse]\nprocesses = 2\n\n"
        '# Where C-MOVE sends to: NAME = "HOST:PORT", or "AET@HOST:PORT".\n[dimse.peers]\n',
        _make_inhouse,
    )
}


def preset_named(name: str) -> Preset:
    """Return a preset; raises Invalid with those there are."""
    if name not in PRESETS:
        raise Invalid(f"There is no preset {name!r}; there are {', '.join(sorted(PRESETS))}.", code="init.preset")
    return PRESETS[name]


def write_settings(preset: Preset, home: Path) -> None:
    """Write the preset's settings where the installation has none yet; raises Invalid where it has."""
    path = home / "invivo.toml"
    if path.exists():
        raise Invalid(f"{path} is there already; a preset is for a new installation.", code="init.settings-there")
    home.mkdir(parents=True, exist_ok=True)
    path.write_text(preset.settings, "utf-8")
