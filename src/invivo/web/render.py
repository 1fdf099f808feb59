"""Pages out of templates: the environment, its filters, what every page knows, and the static files it asks for.

Nothing here knows a room, but for the number of unread messages (told.py).
What a page shows comes as values in its context; who is asking comes from ``request.state``,
where the middleware puts it, and every such value has a default so that a page renders without middleware too.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import nh3
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.runtime import Macro
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from invivo import __version__
from invivo.web.told import is_told, unread_of

STATIC = Path(__file__).parent / "static"
MACROS = ("marks", "pictures", "tables", "forms")
SAME = ("icon", "badge")  # drawn hundreds of times a page, always the same from the same words
KEPT_MARKS = 4096
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
LONGEST_MARKDOWN = 200_000
UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")
TAGS = {
    *(
        "p",
        "br",
        "hr",
        "em",
        "strong",
        "del",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "a",
        "h3",
        "h4",
        "h5",
        "h6",
    ),
    *("table", "thead", "tbody", "tr", "th", "td", "sub", "sup"),
}
LINK_SCHEMES = {"http", "https", "mailto"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking when no middleware has said so: nobody in particular."""

    is_anonymous: bool = True
    has_account: bool = False
    name: str = ""
    label: str = ""
    is_administrator: bool = False
    is_curator: bool = False
    is_submitter: bool = False
    step: str = ""


def size_text(size_bytes: int | float | None) -> str:
    """Write a number of bytes in decimal units with three digits that matter.

    Examples
    --------
    >>> [size_text(n) for n in (0, 999, 1_250, 412_300_000, 13_560_000_000_000)]
    ['0 B', '999 B', '1.25 kB', '412 MB', '13.6 TB']
    """
    if size_bytes is None:
        return ""
    if size_bytes < 1000:
        return f"{int(size_bytes)} B"
    amount, unit = float(size_bytes), ""
    for name in UNITS:
        amount, unit = amount / 1000, name
        if amount < 999.5:
            break
    digits = 2 if amount < 9.995 else 1 if amount < 99.95 else 0
    text = f"{amount:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


def count_text(number: int | None) -> str:
    """Write a count with separators: 12,345."""
    return "" if number is None else f"{number:,}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> counted(1, "file"), counted(12345, "file"), counted(2, "series", "series")
    ('1 file', '12,345 files', '2 series')
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def changes_text(release: Any) -> str:
    """Say what a release added, revised and withdrew, without what it did not do.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> changes_text(SimpleNamespace(series_added=0, series_revised=0, series_withdrawn=1))
    '1 series withdrawn'
    """
    kinds = ("added", "revised", "withdrawn")
    told = [(getattr(release, f"series_{kind}"), kind) for kind in kinds]
    return ", ".join(f"{number:,} series {kind}" for number, kind in told if number) or "no series changed"


def date_text(day: date | datetime | str | None) -> str:
    """Write a day as ISO 8601; DICOM's eight digits become the same, other text stays as it is."""
    if isinstance(day, datetime):
        return day.date().isoformat()
    if isinstance(day, date):
        return day.isoformat()
    if day and len(day) == 8 and day.isdigit():
        return f"{day[:4]}-{day[4:6]}-{day[6:]}"
    return day or ""


def moment_text(moment: datetime | None) -> str:
    """Write a point in time to the minute, in UTC; a moment without a zone is taken as UTC."""
    if moment is None:
        return ""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{aware:%Y-%m-%d %H:%M} UTC"


@cache
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")


def _lowered(tokens: list[Token]) -> list[Token]:
    """Lower the headings by two: the page owns the first two levels."""
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    return tokens


def markdown(text: str | None) -> Markup:
    """Turn Markdown of a person into HTML that can do no harm.

    Raw HTML, pictures, scripts and foreign schemes are left out; headings start at the third level. Text beyond
    200,000 characters is shown as it was written.
    """
    if not text:
        return Markup("")
    if len(text) > LONGEST_MARKDOWN:
        return Markup("<pre>{}</pre>").format(text)
    reader = _reader()
    html = reader.renderer.render(_lowered(reader.parse(text)), reader.options, {})
    return Markup(nh3.clean(html, tags=TAGS, attributes={"a": {"href", "title"}}, url_schemes=LINK_SCHEMES))  # noqa: S704 - cleaned


@cache
def static_digest() -> str:
    """Name the state of all static files: it stands in their addresses, so a browser may keep them for ever."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def static(name: str) -> str:
    """Give the address of a static file; modules and styles name each other relatively and share the digest.

    Raises
    ------
    FileNotFoundError
        There is no such static file: a page that asks for one is a fault of ours, seen when it is rendered.
    """
    if not (STATIC / name).is_file():
        raise FileNotFoundError(f"No static file {name}.")
    return f"/static/{static_digest()}/{quote(name)}"


class StaticPages(StaticFiles):
    """Static files under ``/static/<digest>/``: kept for a year under the present digest, asked again under others."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        digest, _, name = path.replace("\\", "/").partition("/")
        response = await super().get_response(name or digest, scope)
        lasting = "public, max-age=31536000, immutable" if digest == static_digest() else "no-cache"
        response.headers["Cache-Control"] = lasting
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def static_mount() -> Mount:
    """Serve what `static` addresses."""
    return Mount("/static", app=StaticPages(directory=STATIC), name="static")


@cache
def environment() -> Environment:
    """Make the one environment: escaping always on, an unknown name an error, macros as ``ui.<name>``."""
    made = Environment(
        loader=PackageLoader("invivo", "web/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "bytes": size_text,
        "count": count_text,
        "counted": counted,
        "changes": changes_text,
        "date": date_text,
        "moment": moment_text,
        "markdown": markdown,
    }
    ui = SimpleNamespace()
    made.globals |= {"static": static, "ui": ui, "version": __version__, "unread_of": unread_of, "is_told": is_told}
    for name in MACROS:
        for verb, macro in vars(made.get_template(f"macros/{name}.html").module).items():
            if isinstance(macro, Macro):
                setattr(ui, verb, lru_cache(KEPT_MARKS, typed=True)(macro) if verb in SAME else macro)
    return made


def known_of(request: Request) -> dict[str, Any]:
    """Collect what every page knows of its request.

    Returns
    -------
    dict
        ``actor``, ``csrf``, ``archive_name``, ``cart_count``, ``messages`` (pairs of kind and text), ``path``,
        ``query_text`` (what stands in the search box of the header) and ``request``.
    """
    state = request.state
    return {
        "request": request,
        "actor": getattr(state, "actor", None) or Visitor(),
        "csrf": getattr(state, "csrf", ""),
        "archive_name": getattr(state, "archive_name", "Invivo"),
        "cart_count": getattr(state, "cart_count", 0),
        "messages": getattr(state, "messages", ()),
        "path": request.url.path,
        "query_text": request.query_params.get("q", "") if request.url.path == "/search" else "",
    }


def page(
    request: Request, template: str, status: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> HTMLResponse:
    """Answer with a page.

    Parameters
    ----------
    request : Request
        Who asks and for what; see `known_of`.
    template : str
        Name below ``templates``, such as ``survey/compare.html``.
    status : int
        HTTP status.
    headers : dict, optional
        Further headers of the answer.
    **context
        Values of the page; they win over what every page knows.
    """
    html = environment().get_template(template).render(known_of(request) | context)
    return HTMLResponse(html, status_code=status, headers=headers)
