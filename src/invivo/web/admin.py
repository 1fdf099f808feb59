"""The administrator's pages: how the archive is, accounts, collections, settings in force, the journal."""

import platform
import shutil
from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import __version__, accounts, audit, collections, jobs, reviews, search, settings
from invivo.errors import Conflict, Invalid, InvivoError, NotFound, Refused
from invivo.web import elsewhere, journal, policies, rule_runs, rules
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}
SECRET = frozenset({"database.dsn"})
JOBS_SHOWN = 200
JOB_WORDS = {
    "advance": "de-identify and inspect a held series",
    "publish": "publish a collection's next release",
    "settle": "carry a decision about many series over",
    "release": "make a scheduled or large release",
    "open": "release an article's data, as its editor asked",
    "tell-hook": "tell a webhook what changed",
    "unpack": "take an uploaded ZIP apart",
    "rerun": "try or run a collection's rules over what it has",
    "values": "count the values in what is held of a collection",
    "mask": "hide what a curator drew",
    "derive": "make metadata and thumbnails of a released series",
    "mail": "send a message by mail",
    "retell": "find the series of a renamed collection by its new name",
    "sync-group": "read a group's people from its list",
    "index": "write the published index",
    "mint": "tell DataCite of an identifier",
    "enter": "enter what arrived in an archive of a house's own",
}

Page = Callable[[Request], Response]


def administrators_only(shown: Page) -> Page:
    """Refuse everybody else before a page that asks no verb of a room that would."""

    @wraps(shown)
    def guarded(request: Request) -> Response:
        if not request.state.actor.is_administrator:
            raise Refused("Only an administrator may see this page.", code="admin.not-administrator")
        return shown(request)

    return guarded


@administrators_only
def overview_page(request: Request) -> Response:
    """Show how the archive is."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    with archive.database.transaction() as tx:
        queued = jobs.waiting(tx, JOBS_SHOWN)
        postgres = tx.info.server_version
        recent = audit.newest(tx, 8)
    counts = reviews.counts(archive, actor)
    disk = shutil.disk_usage(archive.settings.home)
    return page(
        request,
        "admin/overview.html",
        headers=PRIVATE,
        queued=[one for one in queued if one.status != "failed"],
        failed=[one for one in queued if one.status == "failed"],
        is_more=len(queued) == JOBS_SHOWN,
        job_words=JOB_WORDS,
        states={state: sum(of.get(state, 0) for of in counts.values()) for state in ("open", "deferred")},
        totals=search.whole(search.totals_by_collection(archive, actor).values()),
        people_count=len(accounts.list_people(archive, actor)),
        collections_count=len(collections.listed(archive, actor)),
        disk=disk,
        reserve=archive.settings.limits.free_bytes,
        home=archive.settings.home,
        recent=recent,
        names=_names(request),
        versions=[
            ("invivo", __version__),
            ("PostgreSQL", f"{postgres // 10000}.{postgres % 10000}"),
            ("Python", platform.python_version()),
            *((name, version(name)) for name in ("pydicom", "pynetdicom", "starlette", "imagecodecs", "numpy")),
        ],
    )


def _names(request: Request) -> dict[str, str]:
    """Return the names of people by what the journal calls them."""
    people = accounts.list_people(request.state.archive, request.state.actor)
    return {f"person:{one.id}": one.name for one in people}


def accounts_page(request: Request) -> Response:
    """List accounts, with the form to make one."""
    only(request)
    return _accounts(request)


def _accounts(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor = request.state.archive, request.state.actor
    shown: dict[str, Any] = {"name": "", "display_name": "", "email": "", "site_roles": [], "errors": {}}
    return page(
        request,
        "admin/accounts.html",
        status=status,
        headers=PRIVATE,
        people=accounts.list_people(archive, actor),
        shortest=archive.settings.accounts.password_length,
        tried=shown | tried,
    )


@form_endpoint
def create_account(request: Request, form: Form) -> Response:
    """Make an account."""
    given = {name: text(form, name) for name in ("name", "display_name", "email")}
    site_roles = texts(form, "site_roles")
    try:
        made = accounts.create_person(
            request.state.archive,
            request.state.actor,
            given["name"],
            str(form.get("password", "")),
            display_name=given["display_name"],
            email=given["email"],
            site_roles=site_roles,
        )
    except (Invalid, Conflict) as error:
        field = {"account.role": "site_roles"}.get(error.kind, "password" if "password" in error.kind else "name")
        return _accounts(request, status_of(error), **given, site_roles=site_roles, errors={field: error.message})
    return redirect(
        request, "/admin/accounts", message=f"The account {made.name} is made; tell its owner the password."
    )


@form_endpoint
def change_account(request: Request, form: Form) -> Response:
    """Give site roles, or close and reopen an account."""
    archive, actor = request.state.archive, request.state.actor
    person_id, act = request.path_params["person"], text(form, "act")
    try:
        if act == "roles":
            accounts.set_site_roles(archive, actor, person_id, texts(form, "site_roles"))
            message = "The roles are changed; they hold from the next click on."
        elif act in ("close", "reopen"):
            accounts.deactivate(archive, actor, person_id, is_active=act == "reopen")
            ended = "The account is closed: its sessions and tokens do not work any more."
            message = "The account is open again." if act == "reopen" else ended
        else:
            raise Invalid("An account can get roles, be closed or be reopened.", code="account.act")
    except InvivoError as error:
        return redirect(request, "/admin/accounts", message=error.message, kind="danger")
    return redirect(request, "/admin/accounts", message=message)


@administrators_only
def collections_page(request: Request) -> Response:
    """List the collections."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    counts, totals = reviews.counts(archive, actor), search.totals_by_collection(archive, actor)
    rows = [
        (one, counts.get(one.id, {}), totals.get(one.id, search.Totals())) for one in collections.listed(archive, actor)
    ]
    return page(request, "admin/collections.html", headers=PRIVATE, rows=rows)


@administrators_only
def settings_page(request: Request) -> Response:
    """Show every setting with the value in force."""
    only(request)
    sections: dict[str, list[dict[str, str | bool]]] = {}
    for name, kind, default, sentence in settings.documented():
        value = str(_value(request.state.archive.settings, name))
        section = name.partition(".")[0] if "." in name else "archive"
        row: dict[str, str | bool] = {"name": name, "kind": kind, "default": default, "words": sentence}
        shown = value if name not in SECRET or not value else "set, not shown here"
        sections.setdefault(section, []).append(row | {"value": shown, "is_own": value != default})
    return page(request, "admin/settings.html", headers=PRIVATE, sections=sections)


def _value(known: settings.Settings, name: str) -> Any:
    value: Any = known
    for step in name.split("."):
        value = getattr(value, step)
    return value


@form_endpoint
def add_person(request: Request, form: Form) -> Response:
    """Appoint somebody in a collection."""
    archive, actor = request.state.archive, request.state.actor
    collection = policies.own_collection(request)
    name, role = text(form, "name"), text(form, "role")
    try:
        person = accounts.person_named(archive, name)
        collections.add_member(archive, actor, collection.id, person.id, role)
    except (NotFound, Invalid) as error:
        field = "name" if isinstance(error, NotFound) else "role"
        return policies.people(request, collection, 400, name=name, role=role, errors={field: error.message})
    target = f"/admin/collections/{collection.short_name}/people"
    return redirect(
        request, target, message=f"{person.display_name or person.name} is {role} of {collection.short_name}."
    )


@form_endpoint
def remove_person(request: Request, form: Form) -> Response:
    """Take a role from somebody."""
    collection = policies.own_collection(request)
    target = f"/admin/collections/{collection.short_name}/people"
    person = text(form, "person")
    person_id = int(person) if person.isdecimal() else 0
    try:
        collections.remove_member(
            request.state.archive, request.state.actor, collection.id, person_id, text(form, "role")
        )
    except (Conflict, Refused) as error:
        return redirect(request, target, message=error.message, kind="danger")
    return redirect(request, target, message="The role is taken back.")


routes: list[Route] = [
    Route("/admin", overview_page),
    Route("/admin/accounts", accounts_page, methods=["GET"]),
    Route("/admin/accounts", create_account, methods=["POST"]),
    Route("/admin/accounts/{person:int}", change_account, methods=["POST"]),
    Route("/admin/collections", collections_page, methods=["GET"]),
    Route("/admin/collections/{collection}/people", policies.people_page, methods=["GET"]),
    Route("/admin/collections/{collection}/people", add_person, methods=["POST"]),
    Route("/admin/collections/{collection}/people/remove", remove_person, methods=["POST"]),
    Route("/admin/settings", settings_page),
    *journal.routes,
    *policies.routes,
    *elsewhere.routes,
    *rules.routes,
    *rule_runs.routes,
]
