"""Pages of studies and series, and the description that the light viewer reads."""

from typing import Any

import pytest
from tests import factories
from tests.web import visitor
from tests.web.visitor import Site

from invivo.web import header, images

site = visitor.site


def address(site: Site, name: str) -> str:
    return f"/series/{site.series[name].series_uid}"


def test_a_series_shows_viewer_facts_header_and_files(site: Site) -> None:
    page = site.get(address(site, "CT"), images.routes)
    assert page.status_code == 200
    assert f'data-frames="{address(site, "CT")}/frames.json"' in page.text
    assert "5 mm" in page.text
    assert "SliceThickness" in page.text
    assert page.text.count(".dcm</a>") == 3


def test_a_report_has_no_viewer_and_shows_its_nested_items(site: Site) -> None:
    page = site.get(address(site, "SR"), images.routes).text
    assert "data-frames" not in page
    assert 'class="deep-2"' in page


def test_no_name_of_the_original_patient_is_on_any_page(site: Site) -> None:
    for name in ("CT", "MR", "SR"):
        assert "Doe" not in site.get(address(site, name), images.routes).text


def test_the_header_of_another_file_can_be_chosen(site: Site) -> None:
    known = site.get(f"{address(site, 'CT')}/frames.json", images.routes).json()
    uids = [frame["rendered"].split("/instances/")[1].split("/")[0] for frame in known["frames"]]
    page = site.get(f"{address(site, 'CT')}?instance={uids[2]}", images.routes).text
    assert f'<td class="value">{uids[2]}</td>' in page
    assert site.get(f"{address(site, 'CT')}?instance=1.2.3", images.routes).status_code == 404


def test_a_withdrawn_series_is_gone_and_says_why(site: Site) -> None:
    page = site.get(address(site, "GONE"), images.routes)
    assert page.status_code == 410
    assert "The slices are out of order." in page.text


@pytest.mark.parametrize("path", ["/series/1.2.3", "/series/x", "/series/%00", "/studies/1.2.3", "/series/1.2.3/files"])
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    assert site.get(path, images.routes).status_code == 404


def test_a_private_series_is_not_there_for_a_visitor(site: Site) -> None:
    assert site.get(address(site, "PRIVATE"), images.routes).status_code == 404
    assert site.get(address(site, "PRIVATE"), images.routes, factories.SYSTEM).status_code == 200


def test_what_needs_an_account_shows_facts_but_no_pictures(site: Site) -> None:
    page = site.get(address(site, "REG"), images.routes).text
    assert "data-frames" not in page
    assert "/sign-in?next=" in page
    assert site.get(f"{address(site, 'REG')}/frames.json", images.routes).json()["frames"] == []


def test_what_needs_an_account_opens_to_one(site: Site) -> None:
    reader = factories.actor_named(site.archive, "reader")
    assert "data-frames" in site.get(address(site, "REG"), images.routes, reader).text


def test_frames_come_in_order_with_positions_and_presets(site: Site) -> None:
    told = site.get(f"{address(site, 'CT')}/frames.json", images.routes).json()
    assert [frame["label"] for frame in told["frames"]] == ["5.0 mm", "10.0 mm", "15.0 mm"]
    assert told["presets"][1] == {"name": "Lung", "center": -600, "width": 1500}
    assert told["frames"][0]["rendered"].endswith("/frames/1/rendered?window={window}")


def test_frames_of_a_report_are_none(site: Site) -> None:
    assert site.get(f"{address(site, 'SR')}/frames.json", images.routes).json()["frames"] == []


def test_frames_beyond_the_limit_are_left_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_FRAMES", 2)
    assert len(site.get(f"{address(site, 'CT')}/frames.json", images.routes).json()["frames"]) == 2
    assert "first 2 of 3 frames" in site.get(address(site, "CT"), images.routes).text


def test_files_are_listed_page_by_page_with_their_digests(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "FILES_A_PAGE", 2)
    first = site.get(f"{address(site, 'CT')}/files", images.routes).text
    assert first.count("<tr>") == 1 + 2
    second = site.get(f"{address(site, 'CT')}/files?page=2", images.routes).text
    assert second.count("<tr>") == 1 + 1
    assert site.get(f"{address(site, 'CT')}/files?page=3", images.routes).status_code == 404


def test_a_study_lists_its_series(site: Site) -> None:
    page = site.get(f"/studies/{site.series['CT'].study_uid}", images.routes)
    assert page.status_code == 200
    assert address(site, "CT") in page.text


def test_a_header_is_flattened_with_depth_and_private_names() -> None:
    dataset: dict[str, Any] = {
        "00081115": {"vr": "SQ", "Value": [{"0020000E": {"vr": "UI", "Value": ["1.2.3"]}}, {}]},
        "00090010": {"vr": "LO", "Value": ["GEMS_IDEN_01"]},
        "00091002": {"vr": "SH", "Value": ["CT99"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Ideographic": "C"}]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "bulk"},
    }
    rows, is_cut = header.tag_rows(dataset)
    assert not is_cut
    assert [(row.depth, row.keyword) for row in rows[:4]] == [
        (0, "ReferencedSeriesSequence"),
        (1, "item 1"),
        (1, "SeriesInstanceUID"),
        (1, "item 2"),
    ]
    assert "GEMS_IDEN_01" in rows[5].keyword
    assert rows[6].value == "A^B=C"
    assert "not shown" in rows[7].value
    assert list(header.references_of(dataset)) == ["1.2.3"]


def test_a_very_long_header_is_cut_and_says_so() -> None:
    dataset = {f"{number:08X}": {"vr": "LO", "Value": ["x" * 1000]} for number in range(0x00200000, 0x00200000 + 5000)}
    rows, is_cut = header.tag_rows(dataset)
    assert is_cut
    assert len(rows) == header.MOST_ROWS
    assert len(rows[0].value) < 500
