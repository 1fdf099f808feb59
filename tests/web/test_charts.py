"""Charts: what is drawn, the same as a table and as a file, and for nobody who may not see it."""

import csv
import io
import re
from datetime import date
from xml.etree import ElementTree as ET

import pytest
from tests.factories import actor_named
from tests.web import visitor
from tests.web.visitor import Site

from invivo import accounts, search
from invivo.web import charts, collections, drawing, figures, home
from invivo.web.render import environment

site = visitor.site
NAMES = tuple(charts.CHARTS)
SVG = "{http://www.w3.org/2000/svg}"


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["/figures", "/collections/OPEN-1/charts"])
def test_every_chart_is_there_as_table_and_as_drawing(site: Site, place: str, name: str) -> None:
    table = site.get(f"{place}/{name}.csv", charts.routes)
    drawn = site.get(f"{place}/{name}.svg", charts.routes)
    assert (table.status_code, drawn.status_code) == (200, 200)
    assert table.headers["content-disposition"].endswith(f'-{name}.csv"')
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    root = ET.fromstring(drawn.text)  # noqa: S314 - our own
    assert root.find(f"{SVG}title") is not None
    assert not root.findall(f".//{SVG}style")
    assert "var(--" not in drawn.text
    assert len(rows_of(table.text)[0]) > 1


def test_the_table_of_a_chart_has_its_numbers(site: Site) -> None:
    told = dict(rows_of(site.get("/collections/OPEN-1/charts/modality.csv", charts.routes).text)[1:])
    assert told == {"CT": "1", "MR": "1", "SR": "1"}
    grown = rows_of(site.get("/collections/OPEN-1/charts/series-by-release.csv", charts.routes).text)
    assert grown[0] == ["released", "series", "series_so_far"]
    assert grown[-1][2] == "3"


def test_pages_draw_ages_and_growth_and_lead_to_their_files(site: Site) -> None:
    page = site.get("/collections/OPEN-1/data", collections.routes).text
    for name in ("modality", "age", "series-by-release", "size-by-release"):
        assert f'href="/collections/OPEN-1/charts/{name}.csv"' in page
        assert f'href="/collections/OPEN-1/charts/{name}.svg"' in page
    assert "Subjects by age at the study" in page
    page = site.get("/figures", figures.routes).text
    assert 'href="/figures/series-by-release.svg"' in page
    assert 'href="/figures/modality.csv"' in site.get("/", home.routes).text
    assert "charts/" not in site.get("/collections/EMPTY-1/data", collections.routes).text


def test_what_one_may_not_see_is_in_no_chart(site: Site) -> None:
    reader = actor_named(site.archive, "reader")
    for actor in (accounts.ANONYMOUS, reader):
        assert site.get("/collections/PRIVATE-1/charts/modality.csv", charts.routes, actor).status_code == 404
    series = search.count(site.archive, accounts.ANONYMOUS, search.ALL)
    told = rows_of(site.get("/figures/modality.csv", charts.routes).text)[1:]
    assert sum(int(number) for _, number in told) == series


def test_an_unknown_chart_is_told(site: Site) -> None:
    assert site.get("/figures/weather.csv", charts.routes).status_code == 404


def test_months_without_a_release_are_drawn_and_a_long_growth_by_years() -> None:
    grown = (search.Growth(date(2019, 11, 1), 2, 20), search.Growth(date(2020, 2, 1), 1, 5))
    assert [(label, series) for label, _, series, _ in charts._steps(grown)] == [
        ("Nov 2019", 2),
        ("Dec 2019", 0),
        ("Jan 2020", 0),
        ("Feb 2020", 1),
    ]
    longer = (search.Growth(date(2010, 11, 1), 2, 20), search.Growth(date(2020, 2, 1), 1, 5))
    assert [step[0] for step in charts._steps(longer)] == [str(year) for year in range(2010, 2021)]
    assert charts._steps(()) == []


def test_a_drawing_and_a_table_take_any_label() -> None:
    evil = drawing.Bar('=<script>&"\x00' + "x" * 90, 3)
    for is_standing in (False, True):
        chart = drawing.Chart("/x", "<b>", ("what", "n"), (evil, drawing.Bar("b", 0)), is_standing=is_standing)
        drawn = drawing.svg_of(chart, "<here>")
        ET.fromstring(drawn)  # noqa: S314 - our own
        assert "<script" not in drawn
    assert rows_of(drawing.csv_of(chart))[1][0].startswith("'=")
    ET.fromstring(drawing.svg_of(drawing.Chart("/x", "None", ("a", "b"), ()), ""))  # noqa: S314 - our own


def test_what_is_unknown_is_told_and_not_drawn() -> None:
    beside = (drawing.Bar("unknown", 7, "/search?q=age:none"),)
    chart = drawing.Chart("/x", "Ages", ("age", "subjects"), (drawing.Bar("0-9", 1),), is_standing=True, beside=beside)
    html = environment().from_string("{{ ui.chart(chart) }}").render(chart=chart)
    assert len(re.findall(r'<rect class="bar-value"', html)) == 1
    assert 'Unknown: <a href="/search?q=age:none">7</a>' in html
    nothing = drawing.Chart("/x", "Ages", ("age", "subjects"), (), is_standing=True, beside=beside)
    html = environment().from_string("{{ ui.chart(chart) }}").render(chart=nothing)
    assert "<rect" not in html
    assert ">7</a>" in html
