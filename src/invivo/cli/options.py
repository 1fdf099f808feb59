"""Options that several commands share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from invivo import accounts
from invivo.archive import Archive, opened
from invivo.errors import Invalid
from invivo.settings import Settings, read_settings

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the installation; else INVIVO_HOME, else ./home.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HttpBind = Annotated[str | None, typer.Option("--http", help="Host and port of the web door.", metavar="HOST:PORT")]
DimseBind = Annotated[str | None, typer.Option("--dimse", help="Host and port of the DICOM door.", metavar="HOST:PORT")]
SYSTEM = accounts.system()


def settings_of(home: Path | None, http: str | None = None, dimse: str | None = None) -> Settings:
    """Read the settings with the flags of a command on top."""
    flags: dict[str, Any] = {}
    if http is not None:
        flags["http"] = {"bind": http}
    if dimse is not None:
        flags["dimse"] = {"bind": dimse}
    return read_settings(home, **flags)


@contextmanager
def installation(home: Path | None) -> Iterator[Archive]:
    """Open the installation for one command; whether it is being served or not does not matter."""
    settings = settings_of(home)
    if not (settings.home / "secrets" / "master.key").exists():
        raise Invalid(
            f"There is no installation in {settings.home}; make one with `invivo init --home {settings.home}`."
        )
    with opened(settings) as archive:
        yield archive
