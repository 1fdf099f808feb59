"""Groups: the administrator's pages, and their roles in a collection."""

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import accounts, collections
from invivo.errors import Conflict, Invalid, NotFound
from invivo.web.access import own_collection
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}


def list_page(request: Request) -> Response:
    """List the groups, with the form to make one."""
    only(request)
    return _list(request)


def _list(request: Request, status: int = 200, error: str = "", **tried: str) -> Response:
    return page(
        request,
        "groups/list.html",
        status=status,
        headers=PRIVATE,
        groups=collections.groups(request.state.archive, request.state.actor),
        may_change=request.state.actor.is_administrator,
        error=error,
        tried={"name": "", "title": ""} | tried,
    )


@form_endpoint
def create(request: Request, form: Form) -> Response:
    """Make a group."""
    name, title = text(form, "name"), text(form, "title")
    try:
        made = collections.write_group(request.state.archive, request.state.actor, name, title=title)
    except (Invalid, Conflict) as error:
        return _list(request, status_of(error), error.message, name=name, title=title)
    return redirect(request, f"/admin/groups/{made.id}", message=f"The group {made.name} is made. Say who is in it.")


def group_page(request: Request) -> Response:
    """Show a group and who is in it."""
    only(request)
    return _group(request)


def _group(request: Request, status: int = 200, error: str = "", **tried: str) -> Response:
    archive, actor, number = request.state.archive, request.state.actor, request.path_params["group"]
    known = collections.group_by_id(archive, actor, number)
    shown = {"name": known.name, "title": known.title, "mail_domains": "\n".join(known.mail_domains)}
    return page(
        request,
        "groups/group.html",
        status=status,
        headers=PRIVATE,
        group=known,
        people=collections.people_of_group(archive, actor, number),
        lists=archive.settings.groups.lists,
        sync_minutes=archive.settings.groups.sync_minutes,
        error=error,
        tried=shown | {"list_url": known.list_url} | tried,
    )


@form_endpoint
def change(request: Request, form: Form) -> Response:
    """Change a group, put somebody in or take them out, read its list now, or remove it."""
    archive, actor, number = request.state.archive, request.state.actor, request.path_params["group"]
    asked, target = text(form, "act"), f"/admin/groups/{request.path_params['group']}"
    try:
        if asked == "remove":
            collections.remove_group(archive, actor, number)
            return redirect(request, "/admin/groups", message="The group is removed, with its roles.")
        message = _changed(request, form, number, asked)
    except (Invalid, Conflict, NotFound) as error:
        names = ("name", "title", "mail_domains", "list_url") if asked == "write" else ()
        return _group(request, status_of(error), error.message, **{name: text(form, name) for name in names})
    return redirect(request, target, message=message)


def _changed(request: Request, form: Form, number: int, asked: str) -> str:
    archive, actor = request.state.archive, request.state.actor
    if asked == "write":
        collections.write_group(
            archive,
            actor,
            text(form, "name"),
            title=text(form, "title"),
            mail_domains=tuple(text(form, "mail_domains").replace(",", " ").split()),
            list_url=text(form, "list_url"),
            group_id=number,
        )
        return "The group is changed."
    if asked == "sync":
        is_read = collections.sync_group(archive, number, actor)
        return "The list is read." if is_read else "The list could not be read; the group is as it was."
    if asked == "add":
        collections.add_to_group(archive, actor, number, accounts.person_named(archive, text(form, "person")).id)
        return "Added."
    person = text(form, "person")
    collections.remove_from_group(archive, actor, number, int(person[:18]) if person.isdecimal() else 0)
    return "Taken out."


def roles_page(request: Request) -> Response:
    """Show the groups and site members of a collection."""
    only(request)
    return _roles(request)


def _roles(request: Request, status: int = 200, error: str = "", **tried: Any) -> Response:
    archive, actor, known = request.state.archive, request.state.actor, own_collection(request)
    return page(
        request,
        "groups/roles.html",
        status=status,
        headers=PRIVATE,
        collection=known,
        held=collections.group_roles(archive, actor, known.id),
        sited=[one for one in collections.members_of(archive, actor, known.id) if one.site],
        groups=[(str(one.id), f"{one.name} ({one.people})") for one in collections.groups(archive, actor)],
        roles=[(key, f"{key.capitalize()}: {words}") for key, words in collections.ROLES.items()],
        error=error,
        tried={"group": "", "role": "member", "site": "", "person": ""} | tried,
    )


@form_endpoint
def change_roles(request: Request, form: Form) -> Response:
    """Give a group or a site's member a role in a collection, or take it."""
    archive, actor, known = request.state.archive, request.state.actor, own_collection(request)
    asked, role, site = text(form, "act"), text(form, "role"), text(form, "site")
    group = int(text(form, "group")) if text(form, "group").isdecimal() and len(text(form, "group")) < 18 else 0
    try:
        if asked == "add-group":
            collections.add_group_role(archive, actor, known.id, group, role, site=site)
        elif asked == "remove-group":
            collections.remove_group_role(archive, actor, known.id, group, role, site=site)
        else:
            person = text(form, "person")
            if asked == "add-person":
                found = accounts.person_named(archive, person).id
                if not site:
                    raise Invalid("Name the site.", code="collection.site")
                collections.add_member(archive, actor, known.id, found, "member", site=site)
            else:
                number = int(person[:18]) if person.isdecimal() else 0
                collections.remove_member(archive, actor, known.id, number, "member", site=site)
    except (Invalid, NotFound, Conflict) as error:
        tried = {"group": str(group), "role": role, "site": site, "person": text(form, "person")}
        return _roles(request, status_of(error), error.message, **tried)
    target = f"/access/collections/{quote(known.short_name)}/groups"
    return redirect(request, target, message="Changed; it holds from the next click on.")


routes: list[Route] = [
    Route("/admin/groups", list_page, methods=["GET"]),
    Route("/admin/groups", create, methods=["POST"]),
    Route("/admin/groups/{group:int}", group_page, methods=["GET"]),
    Route("/admin/groups/{group:int}", change, methods=["POST"]),
    Route("/access/collections/{collection}/groups", roles_page, methods=["GET"]),
    Route("/access/collections/{collection}/groups", change_roles, methods=["POST"]),
]
