"""The page of a series says how its slices lie, what refers to it and which segments there are; no page is too large."""

from collections.abc import Iterator

import pytest
from psycopg import connect
from starlette.routing import BaseRoute
from tests import factories
from tests.search.objects import report, segmentation, stack, structures
from tests.search.test_derived import describe_all
from tests.web.visitor import Site

from invivo import search
from invivo.archive import make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.settings import read_settings
from invivo.web import images, series_header
from invivo.web.header import TagRow

ROUTES: list[BaseRoute] = [*images.routes]
MOST_BYTES = 150_000


@pytest.fixture(scope="module")
def site(postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    admin = postmaster.dsn.replace("dbname=invivo", "dbname=postgres")
    with connect(admin, autocommit=True) as tx:
        tx.execute("create database about template invivo")
    home = tmp_path_factory.mktemp("about")
    make_folders(home)
    read_key(home, may_make=True)
    dsn = postmaster.dsn.replace("dbname=invivo", "dbname=about")
    archive = open_archive(read_settings(home, limits={"free_bytes": 0}), dsn, "invivo_staff")
    thin = stack(range(0, 80, 2), patient="P-1", SeriesDescription="thin")
    gap = stack([0, 2, 4, 8], patient="P-2", SeriesDescription="gap")
    labels = [f"Part {number} <b>" for number in range(70)]
    files = [*thin, segmentation(thin, labels), structures(thin), *gap, report(stack([0, 1], patient="P-3"))]
    factories.publish(archive, factories.make_collection(archive), files)
    secret = factories.make_collection(archive, "SECRET", access="private")
    factories.publish(archive, secret, factories.make_series(2))
    describe_all(archive)
    asked = {
        "thin": "thin modality:CT",
        "gap": "gap",
        "SEG": "modality:SEG",
        "RTSTRUCT": "modality:RTSTRUCT",
        "SR": "modality:SR",
        "SECRET": "collection:SECRET",
    }
    found = {name: search.find(archive, factories.SYSTEM, search.read(text)).rows[0] for name, text in asked.items()}
    yield Site(archive, found)
    archive.database.close()


def address(site: Site, name: str) -> str:
    return f"/series/{site.series[name].series_uid}"


def test_the_page_tells_geometry_and_names_what_is_missing(site: Site) -> None:
    page = site.get(address(site, "gap"), ROUTES).text
    assert "A slice is missing." in page
    assert "Irregular" in page
    assert "6 mm" in page
    assert "Regular" in site.get(address(site, "thin"), ROUTES).text


def test_references_are_links_in_both_directions(site: Site) -> None:
    thin = site.get(address(site, "thin"), ROUTES).text
    assert "What refers to it" in thin
    assert f'href="{address(site, "SEG")}"' in thin
    assert f'href="{address(site, "RTSTRUCT")}"' in thin
    for name in ("SEG", "RTSTRUCT"):
        page = site.get(address(site, name), ROUTES).text
        assert f'href="{address(site, "thin")}"' in page
        assert "not in the current release" not in page
    assert "1 object it names is not in the current release" in site.get(address(site, "SR"), ROUTES).text


def test_segments_are_named_with_colour_code_and_algorithm(site: Site) -> None:
    page = site.get(address(site, "SEG"), ROUTES).text
    assert "Part 0 &lt;b&gt;" in page
    assert "<code>39607008</code>" in page
    assert "Automatic, LungFinder" in page
    assert 'class="swatch"' in page
    assert "The first 60 of 70" in page
    assert 'fill="#ff8000"' in site.get(address(site, "RTSTRUCT"), ROUTES).text


def test_the_same_stands_in_json(site: Site) -> None:
    told = site.get(f"{address(site, 'thin')}.json", ROUTES).json()
    assert (told["geometry"]["state"], told["geometry"]["slices"], told["geometry"]["spacing_mm"]) == ("regular", 40, 2)
    assert {one["kind"] for one in told["referred_by"]} == {"segmentation", "structure set"}
    assert told["history"][0]["revision"] == 1
    assert "id" not in told
    assert "key" not in told
    segments = site.get(f"{address(site, 'SEG')}.json", ROUTES).json()["segments"]
    assert len(segments) == 70
    assert segments[0]["property"] == {"value": "39607008", "scheme": "SCT", "meaning": "Lung"}


@pytest.mark.parametrize("path", ["/series/1.2.3.json", "/series/x.json", "/series/1.2.3/header", "/series/%00/header"])
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    assert site.get(path, ROUTES).status_code == 404


def test_what_is_hidden_is_not_there(site: Site) -> None:
    for end in (".json", "/header"):
        assert site.get(address(site, "SECRET") + end, ROUTES).status_code == 404
        assert site.get(address(site, "SECRET") + end, ROUTES, factories.SYSTEM).status_code == 200


def test_no_page_of_a_series_is_too_large(site: Site) -> None:
    for name in ("thin", "SEG", "RTSTRUCT", "SR"):
        assert len(site.get(address(site, name), ROUTES).content) < MOST_BYTES
    whole = site.get(f"{address(site, 'SEG')}/header", ROUTES)
    assert len(whole.content) < MOST_BYTES
    assert "Page 1 of" in whole.text


def test_the_whole_header_is_searched_and_paged(site: Site) -> None:
    base = f"{address(site, 'SEG')}/header"
    found = site.get(f"{base}?q=segmentlabel+part+69", ROUTES).text
    assert "Part 69 &lt;b&gt;" in found
    assert "SegmentSequence" in found
    assert "Nothing in this header" in site.get(f"{base}?q=nowhere", ROUTES).text
    assert site.get(f"{base}?page=2", ROUTES).status_code == 200
    for odd in ("page=0", "page=999", "page=x", "instance=1.2.3"):
        assert site.get(f"{base}?{odd}", ROUTES).status_code == 404
    assert site.get(f"{base}?words=x", ROUTES).status_code == 400


def test_rows_are_found_with_the_sequences_around_them() -> None:
    rows = [
        TagRow("(0008,1115)", "ReferencedSeriesSequence", "SQ", "1 item"),
        TagRow("(0020,000E)", "SeriesInstanceUID", "UI", "1.2.3", 1),
        TagRow("(0020,0010)", "StudyID", "SH", "1.2.3"),
        TagRow("(0020,0011)", "SeriesNumber", "IS", "4"),
    ]
    assert [row.keyword for row in series_header.matching(rows, "1.2.3")] == [
        *("ReferencedSeriesSequence", "SeriesInstanceUID", "StudyID"),
    ]
    assert len(series_header.shortened(rows, 1)) == 1
