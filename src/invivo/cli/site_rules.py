"""The options that `invivo deidentify` and `invivo submit` share: by which rules, secret and tables a folder is cleaned."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

SECRET = Path("~/.config/invivo/deidentification.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRules:
    """How a folder of the site is cleaned, as asked on the command line; every field is an option of both commands."""

    profile: Annotated[str, typer.Option("--profile", help="basic, tcia, verify, or a profile's file (TOML).")] = (
        "basic"
    )
    options: Annotated[str, typer.Option(help="Options of PS3.15 Annex E on top, by commas: retain_uids,...")] = ""
    project: Annotated[str, typer.Option(help="Keeps the maps of two projects with one secret apart.")] = "default"
    prefix: Annotated[str, typer.Option(help="Begins every subject's label.")] = "SUBJ-"
    secret: Annotated[Path, typer.Option(help="File of the secret; made at the first run. Back it up.")] = SECRET
    subjects: Annotated[
        Path | None,
        typer.Option(
            help="Lookup table id_old,id_new; further columns are attributes to write: ClinicalTrialSiteID,..."
        ),
    ] = None
    offsets: Annotated[Path | None, typer.Option(help="Lookup table patient id -> days: id_old,days.")] = None
    uid_map: Annotated[Path | None, typer.Option(help="Write the map of UIDs: id_old,id_new.")] = None
    patient_map: Annotated[Path | None, typer.Option(help="Write the map of patients: id_old,id_new.")] = None
    report: Annotated[Path | None, typer.Option(help="Write the report (JSON, without values).")] = None
    accept: Annotated[
        list[str] | None, typer.Option(help="A doubt that shall not hold objects, such as pixel.photograph; repeat.")
    ] = None
    script: Annotated[
        Path | None, typer.Option(help="Rules of a CTP or DicomEdit script in the place of a profile.")
    ] = None
    lookup: Annotated[Path | None, typer.Option(help="Lookup table of the script (properties, or .csv).")] = None
    parameter: Annotated[list[str] | None, typer.Option(help="Parameter of the script, NAME=VALUE; repeat.")] = None
    pixel_script: Annotated[Path | None, typer.Option(help="CTP pixel script: rectangles to fill by device.")] = None
    object_filter: Annotated[Path | None, typer.Option(help="CTP filter: objects that it does not match are held.")] = (
        None
    )
    jobs: Annotated[int, typer.Option(help="Processes; 0: one a core.", min=0, max=256)] = 0


def asking_rules(**defaults: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command that takes ``rules`` one option for each field of SiteRules, in the place of ``rules``.

    Parameters
    ----------
    defaults
        Of fields that this command has others for.
    """
    types = get_type_hints(SiteRules, include_extras=True)
    names = [field.name for field in fields(SiteRules)]

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**asked: Any) -> None:
            rules = SiteRules(**{name: asked.pop(name) for name in names})
            command(rules=rules, **asked)

        hints = get_type_hints(command, include_extras=True)
        del hints["rules"]
        written: list[Parameter] = []
        for one in signature(command).parameters.values():
            if one.name == "rules":
                written += [_option(name, types[name], defaults) for name in names]
            else:
                written.append(one.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints.get(one.name)))
        run.__annotations__ = {**hints, **{name: types[name] for name in names}}
        run.__signature__ = signature(command).replace(parameters=written)  # type: ignore[attr-defined]
        return run

    return decorated


def _option(name: str, annotation: Any, defaults: dict[str, Any]) -> Parameter:
    usual = next(field.default for field in fields(SiteRules) if field.name == name)
    assert usual is not MISSING
    return Parameter(name, Parameter.KEYWORD_ONLY, default=defaults.get(name, usual), annotation=annotation)
