"""The demo from nothing to a served archive."""

import json
import multiprocessing
import os
import secrets
import socket
import sys
import tempfile
import time
import webbrowser
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import structlog

from invivo import accounts, collections, releases, reviews, serving, submissions
from invivo.archive import Archive, open_archive
from invivo.demo import around, history, sister
from invivo.demo.delivery import send_by_dimse, send_by_stow, send_by_tus, table_file
from invivo.demo.plan import DRAFTS, IN_HOUSE, OPEN, PEOPLE, REGISTERED, SCOPES, WAITING, share
from invivo.demo.sample import samples, write_functional_series
from invivo.demo.stage import Stage, await_processed
from invivo.errors import Broken, Conflict, InvivoError
from invivo.settings import Settings

SHARED = Path("..") / "shared" / "data" / "dicom"
VIEWER_S = 60.0
_log = structlog.get_logger()


def run(settings: Settings, *, with_browser: bool = True, with_viewer: bool = True) -> None:
    """Serve an installation, filling it first if it is new; returns when it is told to stop.

    Writes ``demo.json`` into the installation's folder when everything is there.
    """
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    began = time.monotonic()

    def ready(tree: serving.Tree) -> None:
        viewer = context.Process(target=_install_viewer, args=(settings,)) if with_viewer else None
        if viewer is not None:
            viewer.start()
        filler = context.Process(target=_fill_and_tell, args=(settings, tree.dsn, began, with_browser))
        filler.start()
        _wait_for(tree, filler, viewer)

    serving.serve(settings, on_ready=ready)


def _wait_for(tree: serving.Tree, filler: BaseProcess, viewer: BaseProcess | None) -> None:
    """Keep the tree alive while the demo is being filled."""
    while filler.is_alive() and not tree.must_stop:
        tree.mend()
        filler.join(0.1)
    if tree.must_stop:
        for process in (filler, viewer):
            if process is not None:
                process.terminate()
                process.join()
        return
    if filler.exitcode:
        raise Broken(
            "The demo could not be filled; see the log above, remove its folder and try again.", code="demo.failed"
        )
    if viewer is not None and not viewer.is_alive():
        viewer.join()


def _install_viewer(settings: Settings) -> None:
    serving.forget_signals()
    serving.configure_log("viewer")
    try:
        serving.install_viewer(settings.home)
    except InvivoError as error:
        _log.warning("demo.no-viewer", reason=error.message)


def _fill_and_tell(settings: Settings, dsn: str, began: float, with_browser: bool) -> None:
    serving.forget_signals()
    serving.configure_log("demo")
    archive = open_archive(settings, dsn, "invivo_staff")
    try:
        path = settings.home / "demo.json"
        if not path.exists():
            fill(archive, path)
        _tell(settings, path, began)
        if with_browser and (os.environ.get("DISPLAY") or sys.platform in ("darwin", "win32")):
            webbrowser.open(settings.public_url)
    finally:
        archive.database.close()


def fill(archive: Archive, path: Path) -> None:
    """Make people and collections, send the samples by the real doors, decide, and publish."""
    me = accounts.system()
    secret = _make_people(archive, me)
    numbers = _make_collections(archive, me)
    found = list(samples(SHARED if SHARED.is_dir() else None))
    shares = share(found).by_collection
    scratch = Path(tempfile.mkdtemp(dir=archive.settings.home / "run"))
    shares[REGISTERED] += write_functional_series(scratch / "epi")
    opened = {
        name: submissions.open_submission(archive, me, number, "First delivery").id for name, number in numbers.items()
    }
    submissions.add_sender(archive, me, opened[OPEN], called_aet=OPEN)
    for network in ("127.0.0.0/8", "::1"):
        submissions.add_sender(archive, me, opened[IN_HOUSE], address=network)
    stage = Stage(archive, secret, scratch)
    around.accept_terms(stage)
    trial = history.propose(stage)  # before the first token is used: the web door remembers rights for some seconds
    url, token = archive.settings.public_url, secret["submitter"]["token"]
    dimse = archive.settings.dimse_address
    _log.info("demo.sending", files=sum(len(files) for files in shares.values()))
    send_by_dimse(dimse, OPEN, shares[OPEN])
    send_by_stow(url, token, opened[REGISTERED], shares[REGISTERED])
    send_by_dimse(dimse, archive.settings.dimse.aet, shares[IN_HOUSE])
    history.deliver(stage, trial)  # while the worker is at the rest
    sisters = sister.begin(stage)
    _settle(archive, [numbers[OPEN], numbers[REGISTERED]], opened)
    send_by_tus(url, token, opened[WAITING], [*shares[WAITING], table_file(scratch)], scratch)
    _settle_part(archive, numbers[WAITING], opened[WAITING])
    links = _write_history(stage, trial, sisters)
    _write(archive.settings, path, secret, links)


def _write_history(stage: Stage, trial: history.Trial, sisters: sister.Sisters) -> dict[str, str]:
    """Take the collection through its releases and the people around it through theirs; return the links that were made."""
    await_processed(stage.archive, [trial.north, trial.south, *(delivery for _, delivery in sisters.deliveries)])
    history.first_release(stage, trial)
    around.follow(stage, trial.collection_id)
    history.send_revision(stage, trial)
    sister.publish_both(stage, sisters)
    sister.introduce(stage)
    official, reviewer = sister.apply_for(stage, sisters)
    around.say_of_itself(stage)
    await_processed(stage.archive, [trial.north])
    history.later_releases(stage, trial)
    around.ask_and_answer(stage)
    around.download_some(stage)
    history.what_waits(stage, trial)
    upload = f"{stage.archive.settings.public_url}/deposit/{trial.upload_secret}"
    return {"official": official, "reviewer": reviewer, "upload": upload, "editor": history.editor_link(stage, trial)}


def _make_people(archive: Archive, me: accounts.Actor) -> dict[str, dict[str, str]]:
    made = {}
    for name, (display_name, roles, _) in PEOPLE.items():
        password = f"{name}-{secrets.token_hex(6)}v"  # a name and nothing but digits would be refused as a common one
        accounts.create_person(archive, me, name, password, display_name=display_name, site_roles=roles)
        person = accounts.actor_of_person(archive, accounts.person_named(archive, name).id)
        token, _ = accounts.create_token(archive, person, "demo", SCOPES[name])
        made[name] = {"name": name, "password": password, "token": token}
    return made


def _make_collections(archive: Archive, me: accounts.Actor) -> dict[str, int]:
    numbers = {draft.short_name: collections.create(archive, me, draft).id for draft in DRAFTS}
    for name, (_, _, roles) in PEOPLE.items():
        person = accounts.person_named(archive, name)
        for short_name, role in roles.items():
            collections.add_member(archive, me, numbers[short_name], person.id, role)
    return numbers


def _settle(archive: Archive, numbers: list[int], opened: dict[str, int]) -> None:
    """Decide as the curator would who has looked at everything: broken things go, the rest is released."""
    await_processed(archive, [opened[OPEN], opened[REGISTERED]])
    curator = accounts.actor_of_person(archive, accounts.person_named(archive, "curator").id)
    for number in numbers:
        for item in reviews.queue(archive, curator, collection_id=number, limit=1000).items:
            verdict, reason = _verdict(item)
            try:
                reviews.decide(archive, curator, [item.id], verdict, reason)
            except Conflict:
                reviews.decide(archive, curator, [item.id], "defer", "Has objects that must be settled one by one.")
        releases.publish(archive, curator, number, "First release.")


def _verdict(item: reviews.Item) -> tuple[str, str]:
    if item.kind == "damaged" or item.stuck_count or item.conflict_count:
        return "reject", "Damaged or contradictory test objects."
    return "approve", "Test object of an open-source package; nothing of a real person."


def _settle_part(archive: Archive, number: int, submission_id: int) -> None:
    """Approve a few items of the waiting collection and publish them; the others stay for whoever tries the demo."""
    await_processed(archive, [submission_id])
    curator = accounts.actor_of_person(archive, accounts.person_named(archive, "curator").id)
    items = reviews.queue(archive, curator, collection_id=number, limit=1000).items
    clean = [item for item in items if item.kind == "images" and not item.stuck_count and not item.conflict_count]
    chosen = clean[: max(1, len(clean) // 4)]
    others = [item.id for item in items if item not in chosen]
    reviews.decide(archive, curator, [item.id for item in chosen], "approve", "Looked at.")
    reviews.decide(archive, curator, others, "defer", "Not looked at yet.")
    releases.publish(archive, curator, number, "The first quarter of the delivery.")
    reviews.decide(archive, curator, others, "reopen")


def _write(settings: Settings, path: Path, secret: dict[str, dict[str, str]], links: dict[str, str]) -> None:
    deadline = time.monotonic() + VIEWER_S
    host, port = settings.dimse_address
    while (
        (settings.home / "viewer").exists()
        and serving.viewer_folder(settings.home) is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.2)
    told = {
        "http": settings.public_url,
        "dimse": {"host": host, "port": port, "aet": settings.dimse.aet},
        "accounts": secret,
        "links": links,
        "viewer": serving.viewer_folder(settings.home) is not None,
    }
    growing = path.with_suffix(".part")
    growing.touch(mode=0o600)
    growing.write_text(json.dumps(told, indent=1))
    growing.replace(path)


def _tell(settings: Settings, path: Path, began: float) -> None:
    told = json.loads(path.read_text())
    host, port = settings.dimse_address
    lines = [
        "",
        f"  The demo is ready after {time.monotonic() - began:.0f} s: {settings.public_url}",
        "",
        f"  DICOM   {host}:{port}, application entity {settings.dimse.aet}",
        f"          try: storescu {host if host != socket.gethostname() else '127.0.0.1'} {port} FILE",
        *(f"  {name:<11} password {one['password']}" for name, one in told["accounts"].items()),
        "",
        f"  Tokens and all of this: {path}",
        "  Stop with Ctrl-C; start again with the same command.",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
