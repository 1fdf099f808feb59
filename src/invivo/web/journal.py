"""The journal: who did what to which thing, when; searched, and given to other programs."""

from collections.abc import Iterator
from datetime import date
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from invivo import accounts, audit
from invivo.archive import Archive
from invivo.errors import Invalid, Refused
from invivo.web.form import only
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}
ENTRIES_SHOWN, MOST_EXPORTED, AT_ONCE = 100, 1_000_000, 2000
ASKED = ("actor", "verb", "thing", "since", "until")


def _need_administrator(request: Request) -> None:
    if not request.state.actor.is_administrator:
        raise Refused("Only an administrator may see this page.", code="admin.not-administrator")


def _names(request: Request) -> dict[str, str]:
    """Return the names of people by what the journal calls them."""
    people = accounts.list_people(request.state.archive, request.state.actor)
    return {f"person:{one.id}": one.name for one in people}


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise Invalid("Write the day as 2027-01-31.", code="audit.day") from None


def _asked(request: Request, names: dict[str, str]) -> tuple[audit.Asked, dict[str, str]]:
    """Read what is looked for: an account may be given by its name."""
    given = {name: request.query_params.get(name, "").replace("\0", "").strip()[:200] for name in ASKED}
    by_name = {name.lower(): key for key, name in names.items()}
    actor = by_name.get(given["actor"].lower(), given["actor"])
    asked = audit.Asked(actor, given["verb"], given["thing"], _day(given["since"]), _day(given["until"]))
    return asked, {key: value for key, value in given.items() if value}


def journal_page(request: Request) -> Response:
    """Show the newest entries of the journal that are asked for."""
    _need_administrator(request)
    only(request, *ASKED, "before")
    names = _names(request)
    asked, given = _asked(request, names)
    before = request.query_params.get("before", "")
    number = int(before) if before.isdecimal() and len(before) < 19 else None
    with request.state.archive.database.transaction() as tx:
        entries = audit.search(tx, asked, ENTRIES_SHOWN + 1, number)
        verbs = audit.verbs(tx)
    shown = entries[:ENTRIES_SHOWN]
    is_more = len(entries) > ENTRIES_SHOWN
    return page(
        request,
        "journal/journal.html",
        headers=PRIVATE,
        entries=[(one, _detail(one)) for one in shown],
        names=names,
        given=given,
        verbs=sorted({one.partition(".")[0] + ".*" for one in verbs}),
        forms=[(form, f"/admin/journal.{form}?{urlencode(given)}") for form in audit.FORMS],
        older=f"/admin/journal?{urlencode(given | {'before': str(shown[-1].id)})}" if is_more else None,
        newest=f"/admin/journal?{urlencode(given)}" if before else None,
    )


def _detail(entry: audit.Entry) -> str:
    parts = []
    for key, value in entry.detail.items():
        told = value if isinstance(value, str) else orjson.dumps(value).decode()
        if told not in ("", "[]", "{}", "null"):
            parts.append(f"{key}: {told if len(told) <= 120 else told[:119] + '…'}")
    return ", ".join(parts)


def export(request: Request) -> Response:
    """Give the entries that are asked for, newest first, as CSV, JSON or DICOM audit messages; this is noted too."""
    _need_administrator(request)
    only(request, *ASKED)
    form = request.path_params["form"]
    if form not in audit.FORMS:
        raise Invalid(f"The journal is given as {', '.join(audit.FORMS)}.", code="audit.form")
    asked, given = _asked(request, _names(request))
    archive = request.state.archive
    with archive.database.transaction() as tx:
        audit.note(tx, request.state.actor.name, "audit.export", "journal", form=form, asked=given)
    pieces = audit.write(form, _entries(archive, asked), archive.settings.site.name)
    headers = PRIVATE | {"Content-Disposition": f'attachment; filename="journal.{form}"'}
    return StreamingResponse(pieces, media_type=audit.FORMS[form], headers=headers)


def _entries(archive: Archive, asked: audit.Asked) -> Iterator[audit.Entry]:
    """Read the journal piece by piece, so that nothing holds all of it."""
    before: int | None = None
    for _ in range(MOST_EXPORTED // AT_ONCE):
        with archive.database.transaction() as tx:
            found = audit.search(tx, asked, AT_ONCE, before)
        yield from found
        if len(found) < AT_ONCE:
            return
        before = found[-1].id


routes: list[Route] = [
    Route("/admin/journal", journal_page),
    Route("/admin/journal.{form}", export),
]
