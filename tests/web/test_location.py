"""Series whose files lie elsewhere: what pages, packages and manifests say of them."""

from pathlib import Path

import pytest
from tests.factories import SYSTEM, make_collection, make_series, publish
from tests.fakes.idc_index import about, row, write_index
from tests.web.visitor import Site

from invivo import accounts, carts, downloads, images, releases
from invivo.archive import Archive
from invivo.cli.idc_index import parts_of, read_index
from invivo.downloads import selection
from invivo.web.carts import routes as cart_routes
from invivo.web.downloads import routes as download_routes
from invivo.web.images import routes as image_routes

ANYBODY = accounts.ANONYMOUS
URL = "s3://idc-open-data/00000000-0000-0000-0000-000000000001/"


@pytest.fixture
def site(archive: Archive, tmp_path: Path) -> Site:
    """An archive with three series that lie elsewhere, and one that is here."""
    rows = [row(number, SeriesDescription="Thorax") for number in (1, 2)]
    rows.append(row(3, source_DOI="10.5281/zenodo.1", Modality="SEG"))
    index = read_index(write_index(tmp_path / "index", rows, [about("nlst", "NLST")]))
    for _, part in parts_of(index):
        releases.load_part(archive, SYSTEM, "idc", index.version, part)
    publish(archive, make_collection(archive), make_series(2, series="1.2.9", study="1.2.8"))
    return Site(archive, {})


@pytest.fixture
def here(site: Site) -> str:
    with site.archive.database.transaction() as tx:
        found = tx.execute("select s.uid from images.series s where s.cover_instance_id is not null").fetchone()
    assert found is not None
    return str(found.uid)


def test_the_page_says_where_the_files_are_and_how_to_fetch_them(site: Site) -> None:
    text = site.get("/series/1.2.3.1", image_routes).text
    assert URL in text
    assert "s5cmd --no-sign-request cp" in text
    assert "invivo download 1.2.3.1" in text
    assert "Roe, R. &amp; Doe, J. (2020)" in text
    assert "/dicom-web/studies/1.2.4.0/series/1.2.3.1/thumbnail" not in text


def test_a_result_of_others_is_marked(site: Site) -> None:
    assert "Derived by others" in site.get("/series/1.2.3.3", image_routes).text
    assert "Derived by others" not in site.get("/series/1.2.3.1", image_routes).text


@pytest.mark.parametrize("path", ["/studies/1.2.4.0", "/series/1.2.3.1/files", "/series/1.2.3.1/frames.json"])
def test_the_other_pages_of_it_answer(site: Site, path: str) -> None:
    assert site.get(path, image_routes).status_code in (200, 404)


def test_its_place_is_told_to_programs(site: Site, here: str) -> None:
    told = site.get("/series/1.2.3.1/location.json", image_routes).json()
    assert (told["url"], told["instance_count"], told["size_bytes"]) == (URL, 3, 123)
    assert told["folder"].startswith("NLST/P-0/")
    own = site.get(f"/series/{here}/location.json", image_routes).json()
    assert (told["is_here"], own["is_here"], "bucket" in own) == (False, True, False)


def test_a_package_of_it_is_refused_with_its_place(site: Site) -> None:
    answer = site.get("/series/1.2.3.1/package.zip", download_routes)
    assert answer.status_code == 404
    assert URL in answer.text


def test_the_download_page_names_what_is_elsewhere(site: Site) -> None:
    text = site.get("/download?collection=NLST", download_routes).text
    assert "3 series" in text
    assert "Kept elsewhere" in text
    assert "may be downloaded by you" not in text


def test_a_collection_is_cited_as_the_catalogue_says(site: Site) -> None:
    assert "Roe, R. &amp; Doe, J. (2020). Data." in site.get("/series/1.2.3.3", image_routes).text


def test_a_package_of_both_says_what_it_lacks(site: Site, here: str) -> None:
    chosen = downloads.select(site.archive, ANYBODY, series_uids=[here, "1.2.3.1"])
    assert [(one.series_uid, one.url) for one in chosen.refused] == [("1.2.3.1", URL)]
    assert URL in downloads.summary(chosen, "An archive", "http://here")


def test_very_many_are_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MOST_ELSEWHERE", 1)
    chosen = downloads.select(site.archive, ANYBODY, collection="NLST")
    assert sum(one.count for one in chosen.refused) == 3
    assert "and 2 more series" in downloads.summary(chosen, "An archive", "http://here")


@pytest.fixture
def cart(site: Site, here: str) -> str:
    made = carts.open_cart(site.archive, ANYBODY)
    carts.add_series(site.archive, ANYBODY, made.id, [here, "1.2.3.1"])
    return made.id


def manifest(site: Site, cart: str, ending: str) -> str:
    return site.get(f"/cart/manifest.{ending}", cart_routes, cookies={"invivo_cart": cart}).text


def test_the_s5cmd_manifest_fetches_what_is_elsewhere_and_names_the_rest(site: Site, cart: str, here: str) -> None:
    text = manifest(site, cart, "s5cmd")
    assert f"\ncp {URL}* NLST/P-0/1.2.4.0/CT_1.2.3.1/\n" in text
    assert f"# kept in the archive: {site.archive.settings.public_url}/series/{here}/package.zip" in text
    assert sorted(carts.read_manifest(text)) == sorted([here, "1.2.3.1"])


def test_the_list_of_addresses_names_the_place(site: Site, cart: str, here: str) -> None:
    lines = manifest(site, cart, "txt").splitlines()
    assert sorted(lines) == sorted([f"{URL}*", f"{site.archive.settings.public_url}/series/{here}/package.zip"])
    with pytest.raises(Exception, match="names no series"):
        carts.read_manifest("\n".join(lines))


def test_the_table_has_both(site: Site, cart: str, here: str) -> None:
    text = manifest(site, cart, "csv")
    assert URL in text
    assert sorted(carts.read_manifest(text)) == sorted([here, "1.2.3.1"])


def test_the_public_door_may_read_it(site: Site, public_archive: Archive) -> None:
    assert set(images.locations_of(public_archive, ANYBODY, ["1.2.3.1"])) == {"1.2.3.1"}
