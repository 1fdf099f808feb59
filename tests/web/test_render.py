"""Pages escape what they are given, macros draw what they promise, static files last as long as they may."""

import asyncio
import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from jinja2 import UndefinedError
from starlette.applications import Starlette
from starlette.requests import Request

from invivo.web import render

EVIL = "<script>alert(1)</script>"


def get(address: str) -> httpx.Response:
    """Ask for a static file without a server."""

    async def ask() -> httpx.Response:
        wire = httpx.ASGITransport(app=Starlette(routes=[render.static_mount()]))
        async with httpx.AsyncClient(transport=wire, base_url="http://testserver") as client:
            return await client.get(address)

    return asyncio.run(ask())


def request_for(path: str = "/", **state: object) -> Request:
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "state": dict(state)}
    return Request(scope | {"server": ("testserver", 80), "scheme": "http"})


def drawn(source: str, **context: object) -> str:
    return render.environment().from_string(source).render(context)


def base(request: Request, **context: object) -> str:
    known = render.known_of(request) | context
    source = '{% extends "base.html" %}{% block title %}T{% endblock %}{% block content %}<p>here</p>{% endblock %}'
    return render.environment().from_string(source).render(known)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, ""),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1_250, "1.25 kB"),
        (999_600, "1 MB"),
        (412_300_000, "412 MB"),
        (9_996_000_000, "10 GB"),
        (13_560_000_000_000, "13.6 TB"),
        (100_000_000_000_000, "100 TB"),
    ],
)
def test_sizes_have_three_digits_and_a_decimal_unit(size: int | None, text: str) -> None:
    assert render.size_text(size) == text


def test_counts_have_separators_and_their_noun() -> None:
    assert drawn("{{ 12345 | count }}, {{ 1 | counted('file') }}, {{ 2 | counted('series', 'series') }}") == (
        "12,345, 1 file, 2 series"
    )


def test_dates_are_iso_whatever_they_come_as() -> None:
    days = [date(2026, 3, 2), datetime(2026, 3, 2, 23, 59, tzinfo=UTC), "20260302", "2026-03-02"]
    assert {render.date_text(day) for day in days} == {"2026-03-02"}
    assert render.date_text(None) == ""


def test_moments_are_told_in_utc() -> None:
    east = datetime(2026, 3, 2, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert render.moment_text(east) == "2026-03-01 22:30 UTC"


@pytest.mark.parametrize(
    "text",
    [
        EVIL,
        "[x](javascript:alert(1))",
        "[x](data:text/html,a)",
        "![x](https://elsewhere.example/pixel.png)",
        '<img src=x onerror="alert(1)">',
        '<a href="javascript:alert(1)">x</a>',
        '<p style="position:fixed">x</p>',
    ],
)
def test_markdown_carries_no_script_no_picture_and_no_style(text: str) -> None:
    made = str(render.markdown(text))
    assert not re.search(
        r"<(script|img|iframe|style)|<[^>]*(href=\"(javascript|data)|style=|on\w+=)", made, re.IGNORECASE
    )


def test_markdown_keeps_what_people_write() -> None:
    made = str(
        render.markdown("# Title\n\n**Bold** and [a link](https://example.org).\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    )
    assert "<h3>Title</h3>" in made
    assert "<strong>Bold</strong>" in made
    assert 'rel="noopener noreferrer"' in made
    assert "<td>1</td>" in made


def test_overlong_markdown_is_shown_as_written_and_quickly() -> None:
    made = str(render.markdown("<b>" + "*" * render.LONGEST_MARKDOWN))
    assert made.startswith("<pre>&lt;b&gt;")


def test_a_name_that_a_page_was_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        drawn("{{ missing }}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ ui.badge('open', evil) }}",
        "{{ ui.thumb('/x', evil, 3, evil) }}",
        "{{ ui.result_row(evil, '/x', lines=[evil, (evil, '/y')], numbers=[(evil, evil)], badges=[('open', evil)]) }}",
        "{{ ui.card(evil, '/x', text=evil, kicker=evil) }}",
        "{{ ui.key_values([(evil, evil, 'code')]) }}",
        "{{ ui.tag_table([{'tag': evil, 'keyword': evil, 'vr': evil, 'value': evil}]) }}",
        "{{ ui.diff([{'tag': evil, 'keyword': evil, 'action': evil, 'before': evil, 'after': evil}], true) }}",
        "{{ ui.histogram(evil, [(evil, 3)]) }}",
        "{{ ui.bars(evil, [(evil, 3)]) }}",
        "{{ ui.field('n', evil, evil, hint=evil, error=evil) }}",
        "{{ ui.copyline(evil, evil) }}",
        "{{ ui.notice('warn', evil, evil) }}",
        "{{ ui.breadcrumb([(evil, '/'), (evil, none)]) }}",
        "{{ ui.stepper([(evil, 'done', evil)]) }}",
        "{{ ui.empty(evil, evil, (evil, '/')) }}",
        "{{ ui.figures([(evil, evil, '/')]) }}",
        "{{ ui.data_table([(evil, none)], [[evil], [(evil, '/')]]) }}",
    ],
)
def test_a_macro_escapes_what_it_is_given(source: str) -> None:
    made = drawn(source, evil=EVIL)
    assert "<script" not in made
    assert "&lt;script&gt;" in made


def test_a_thumb_says_modality_and_count_and_keeps_its_box() -> None:
    made = drawn("{{ ui.thumb('/t.jpg', 'CT', 1234, 'Axial chest', 'm') }}")
    assert 'alt="Axial chest" width="128" height="128" loading="lazy"' in made
    assert "<b>CT</b>" in made
    assert "1,234" in made


@pytest.mark.parametrize("modality", ["SR", "RTSTRUCT", "SEG", "KO", "PR", "DOC", "ZZ"])
def test_an_object_without_picture_shows_a_sign_that_exists(modality: str) -> None:
    made = drawn("{{ ui.thumb(none, m, 1) }}", m=modality)
    sign = re.search(r"icons\.svg#([\w-]+)", made)
    assert sign is not None
    assert f'id="{sign[1]}"' in (render.STATIC / "icons.svg").read_text("utf-8")


def test_every_icon_that_templates_and_scripts_name_is_drawn() -> None:
    drawn_ids = set(re.findall(r'id="([\w-]+)"', (render.STATIC / "icons.svg").read_text("utf-8")))
    pages = render.STATIC.parent / "templates"
    named = {
        name
        for path in [*pages.rglob("*.html"), *render.STATIC.glob("*.js")]
        for name in re.findall(r"""\b(?:icon\(|sign=)['"]([\w-]+)['"]""", path.read_text("utf-8"))
    }
    assert named <= drawn_ids


def test_before_values_are_drawn_only_when_allowed() -> None:
    change = {
        "tag": "(0010,0010)",
        "keyword": "PatientName",
        "action": "replaced",
        "before": "KEPT^BACK",
        "after": "S1",
    }
    assert "KEPT^BACK" not in drawn("{{ ui.diff([c]) }}", c=change)
    assert "KEPT^BACK" in drawn("{{ ui.diff([c], show_before=true) }}", c=change)


def test_facets_are_links_that_say_whether_they_are_chosen() -> None:
    values = [{"value": "CT", "label": "CT", "count": 7, "selected": True, "url": "?m=MR"}]
    facet = {"name": "modality", "title": "Modality", "values": values, "clear": None}
    made = drawn("{{ ui.facet_column([f], '/search', chosen=1) }}", f=facet)
    assert 'href="?m=MR" rel="nofollow" role="checkbox" aria-checked="true"' in made
    assert "facet-clear" not in made
    assert 'href="/search">Clear all' in made


def test_a_chart_draws_its_largest_bar_whole_and_nothing_when_empty() -> None:
    assert 'width="100.0%" height="10"' in drawn("{{ ui.bars('M', [('CT', 8), ('MR', 2)]) }}")
    assert "<rect" not in drawn("{{ ui.histogram('Ages', []) }}")


def test_an_error_of_a_field_is_tied_to_it() -> None:
    made = drawn("{{ ui.field('short', 'Short name', 'x', hint='h', error='e') }}")
    assert 'aria-describedby="f-short-hint f-short-error" aria-invalid="true"' in made


def test_a_page_stands_without_any_middleware() -> None:
    made = base(request_for())
    assert 'href="/sign-in"' in made
    assert "Admin" not in made


def test_the_menu_offers_what_the_actor_may_do() -> None:
    actor = SimpleNamespace(
        has_account=True,
        is_anonymous=False,
        name="person:1",
        label="Ada",
        is_administrator=False,
        is_curator=True,
        is_submitter=False,
    )
    made = base(request_for(actor=actor, csrf="tok", cart_count=3, archive_name="Leiden"))
    assert "/reviews" in made
    assert "/admin" not in made
    assert "/submissions" not in made
    assert 'name="csrf" value="tok"' in made
    assert "<title>T · Leiden</title>" in made
    assert "Cart, 3 series" in made


def test_the_menu_marks_where_we_are() -> None:
    made = base(request_for("/collections/LUNG-1"))
    assert 'href="/collections" aria-current="page"' in made


def test_messages_of_the_request_are_shown() -> None:
    made = base(request_for(messages=[("good", "Release 4 is published.")]))
    assert "Release 4 is published." in made


# Nothing that runs or colours stands in a template; a block of data (JSON-LD) does neither.
PRESENT = re.compile(
    r"""\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\s(src=|type="application/ld\+json"))|javascript:"""
)


def test_no_template_holds_inline_script_or_style() -> None:
    pages = render.STATIC.parent / "templates"
    for path in pages.rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(PRESENT, text), path.name


def test_static_files_are_kept_for_ever_under_their_digest_only() -> None:
    kept = get(render.static("app.css"))
    stale = get("/static/000000000000/app.css")
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (stale.status_code, stale.headers["Cache-Control"]) == (200, "no-cache")
    assert get("/static/x/../../render.py").status_code == 404
    assert get(f"/static/{render.static_digest()}/absent.css").status_code == 404


def test_a_static_file_that_is_not_there_is_a_fault_seen_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        render.static("absent.css")


def test_every_module_that_a_module_imports_is_there() -> None:
    for path in render.STATIC.glob("*.js"):
        for name in re.findall(r"""(?:from |import\(?|mount\([^)]*?)["']\./([\w-]+\.js)""", path.read_text("utf-8")):
            assert Path(render.STATIC / name).is_file(), (path.name, name)
