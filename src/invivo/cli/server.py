"""`invivo init`, `migrate`, `serve`, `demo`, `doctor` and `viewer`: the installation itself."""

import shutil
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from invivo import assessment, audit, demo, jobs, serving
from invivo.archive import Archive, ground, make_folders, opened, prepare
from invivo.cli.options import AsJson, DimseBind, Home, HttpBind, installation, settings_of
from invivo.cli.output import answering, console, show
from invivo.cli.presets import make, preset_named, presets, write_settings
from invivo.errors import Broken, Invalid, InvivoError
from invivo.settings import documented


@answering
def init(
    home: Home = None,
    preset: Annotated[str, typer.Option(help=f"What is in it from the start: {', '.join(presets())}.")] = "",
) -> None:
    """Make a new installation: folders, key, database."""
    chosen = preset_named(preset) if preset else None
    if chosen is not None:
        write_settings(chosen, settings_of(home).home)
    settings = settings_of(home)
    make_folders(settings.home)
    if chosen is not None:
        with opened(settings) as archive:
            make(archive, chosen)
        console.print(chosen.title, highlight=False)
        if settings.inhouse.identified:
            console.print(f"Serve it: invivo serve --home {settings.home}", highlight=False)
            return
        console.print(f"Its settings are in {settings.home / 'invivo.toml'}.", highlight=False)
        _next_steps(settings.home)
        return
    with ground(settings) as dsn:
        prepare(settings, dsn)
    _next_steps(settings.home)


def _next_steps(home: Path) -> None:
    console.print(f"An archive is in {home}. Make an administrator, then serve it:")
    console.print(f"  invivo accounts create NAME --administrator --home {home}", highlight=False)
    console.print(f"  invivo serve --home {home}", highlight=False)


@answering
def migrate(home: Home = None) -> None:
    """Bring the database up to this version."""
    settings = settings_of(home)
    with ground(settings) as dsn:
        applied = prepare(settings, dsn)
    console.print("\n".join(applied) if applied else "The database is up to date.")


@answering
def serve(
    home: Home = None,
    http: HttpBind = None,
    dimse: DimseBind = None,
    role: Annotated[
        list[str] | None, typer.Option(help="Only this role: web, desk, dimse or worker; may be repeated.")
    ] = None,
) -> None:
    """Serve the archive: all roles in one tree of processes, which mends itself. Stop with Ctrl-C."""
    roles = role or list(serving.ROLES)
    unknown = sorted(set(roles) - set(serving.ROLES))
    if unknown:
        raise Invalid(f"There is no role {unknown[0]!r}; roles are {', '.join(serving.ROLES)}.", code="serve.role")
    settings = settings_of(home, http, dimse)

    def ready(tree: serving.Tree) -> None:
        console.print(f"[bold]{settings.site.name}[/] on {settings.public_url}", highlight=False)
        if "dimse" in tree.roles:
            console.print(f"DICOM on {settings.dimse.bind}, application entity {settings.dimse.aet}", highlight=False)

    serving.serve(settings, roles, ready)


@answering
def show_demo(
    home: Annotated[Path, typer.Option("--home", help="Folder of the demo.")] = Path("demo"),
    http: Annotated[
        str, typer.Option("--http", help="Host and port of the web door.", metavar="HOST:PORT")
    ] = "127.0.0.1:8042",
    dimse: Annotated[
        str, typer.Option("--dimse", help="Host and port of the DICOM door.", metavar="HOST:PORT")
    ] = "127.0.0.1:11112",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    no_viewer: Annotated[bool, typer.Option("--no-viewer", help="Leave OHIF out.")] = False,
) -> None:
    """A whole archive on real sample data, taken through the real steps, then served."""
    demo.run(settings_of(home, http, dimse), with_browser=not no_browser, with_viewer=not no_viewer)


@answering
def doctor(home: Home = None, as_json: AsJson = False) -> None:
    """Look whether the installation is well and say what to do where it is not."""
    settings = settings_of(home)
    checks: list[tuple[str, bool, str]] = []
    free = shutil.disk_usage(settings.home if settings.home.exists() else settings.home.parent).free
    checks.append(("disk", free > settings.limits.free_bytes, f"{free} bytes free"))
    checks.append(("key", (settings.home / "secrets" / "master.key").exists(), "secrets/master.key"))
    try:
        with opened(settings) as archive, archive.database.transaction() as tx:
            failed = [job for job in jobs.waiting(tx) if job.status == "failed"]
            checks.append(("database", True, archive.database.dsn.partition(" ")[0].partition("=")[0]))
            checks.append(("jobs", not failed, f"{len(failed)} failed"))
    except InvivoError as error:
        checks.append(("database", False, error.message))
    if as_json:
        console.print_json(data=[{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks])
    for name, ok, detail in checks if not as_json else []:
        console.print(f"{'[green]ok  ' if ok else '[red]FAIL'}[/] {name}: {detail}", highlight=False)
    if not all(ok for _, ok, _ in checks):
        raise Broken("Something is not well; see above.", code="doctor.failed")


@answering
def verify(
    home: Home = None,
    as_json: AsJson = False,
    files: Annotated[bool, typer.Option(help="Read every released file again too; else only the journal.")] = True,
) -> None:
    """Compare every released file with its digest, and the journal with its seals."""
    with opened(settings_of(home)) as archive:
        audit.seal(archive)
        found = audit.verify(archive)
        told: dict[str, object] = asdict(found)
        if files:
            _read_files(archive, quiet=as_json)
            told |= {"files": asdict(assessment.fixity(archive))}
            told |= {"damaged": [f"{one.digest} is {one.kind}" for one in assessment.damages(archive)]}
    if as_json:
        console.print_json(data=told, default=str)
    for name, value in told.items() if not as_json else ():
        console.print(f"{name}: {_in_words(value)}", highlight=False)
    if found.faults:
        raise Broken("The journal is not what was sealed; see above.", code="audit.chain-broken")
    if told.get("damaged"):
        raise Broken("Stored files are damaged; put them back from a backup. See above.", code="fixity.damaged")


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {one}" for name, one in value.items())
    return ("; ".join(map(str, value)) or "none") if isinstance(value, tuple | list) else str(value)


def _read_files(archive: Archive, *, quiet: bool) -> None:
    """Read all files again, however lately it was done, and say how far it is."""
    began = archive.clock()
    with nullcontext() if quiet else console.status("Reading files ...") as status:
        while assessment.check_some(archive, 2.0, now=True):
            at = assessment.fixity(archive)
            if at.round_ended_at is not None and at.round_ended_at >= began:
                return
            if status is not None:
                status.update(f"Read {at.objects:,} files, {at.size_bytes:,} bytes")


@answering
def viewer(home: Home = None) -> None:
    """Install OHIF, the full viewer, into the installation."""
    settings = settings_of(home)
    make_folders(settings.home)
    console.print(f"OHIF is in {serving.install_viewer(settings.home)}; restart `invivo serve`.", highlight=False)


@answering
def list_jobs(home: Home = None, as_json: AsJson = False) -> None:
    """List the jobs that wait, run or have failed."""
    with installation(home) as archive, archive.database.transaction() as tx:
        show(jobs.waiting(tx), ("id", "name", "key", "status", "attempts"), as_json=as_json)


@answering
def list_settings() -> None:
    """List every setting: name, type, default and what it is for."""
    for name, kind, default, sentence in documented():
        console.print(f"[bold]{name}[/] ({kind}, {default or 'empty'}): {sentence}", highlight=False)


def register(application: typer.Typer) -> None:
    """Add these commands to the command line."""
    application.command("init")(init)
    application.command("migrate")(migrate)
    application.command("serve")(serve)
    application.command("demo")(show_demo)
    application.command("doctor")(doctor)
    application.command("verify")(verify)
    application.command("viewer")(viewer)
    application.command("jobs")(list_jobs)
    application.command("settings")(list_settings)
