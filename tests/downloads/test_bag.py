"""Packages as bags: RFC 8493 held by a reader of our own, in both containers and all layouts."""

import hashlib
import io
import json
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invivo import accounts, carts, collections, downloads, releases, search
from invivo.archive import Archive
from invivo.errors import Invalid
from tests.factories import SYSTEM, make_collection, make_image, make_series, publish

ANYBODY = accounts.ANONYMOUS


@pytest.fixture
def lung(archive: Archive) -> collections.Collection:
    collection = make_collection(archive)
    publish(archive, collection, make_series(3) + make_series(2, patient="P/2", Modality="MR", StudyDate="20210101"))
    return collection


def package_of(archive: Archive, form: str = "zip", layout: str = "folders") -> downloads.Package:
    chosen = downloads.select(archive, ANYBODY, collection="LUNG-1", layout=layout)
    return downloads.Package(archive, chosen, form)


def files_in(package: downloads.Package) -> dict[str, bytes]:
    """Read a package as anybody's program does; in a tar without the folder that all is in."""
    content = b"".join(package.chunks())
    assert len(content) == package.length
    if package.name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            assert opened.testzip() is None
            return {name: opened.read(name) for name in opened.namelist()}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as opened:
        base = f"{package.name.removesuffix('.tar')}/"
        found = {}
        for member in opened:
            assert member.name.startswith(base)
            stream = opened.extractfile(member)
            assert stream is not None
            found[member.name.removeprefix(base)] = stream.read()
        return found


def listed(text: bytes) -> dict[str, str]:
    return {line.partition("  ")[2]: line.partition("  ")[0] for line in text.decode().splitlines()}


@pytest.mark.parametrize("layout", downloads.LAYOUTS)
@pytest.mark.parametrize("form", downloads.CONTAINERS)
def test_a_package_is_a_complete_and_valid_bag(
    archive: Archive, lung: collections.Collection, form: str, layout: str
) -> None:
    files = files_in(package_of(archive, form, layout))
    payload = {name: content for name, content in files.items() if name.startswith("data/")}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    assert listed(files["manifest-sha256.txt"]) == {name: digests[name] for name in payload}
    assert listed(files["tagmanifest-sha256.txt"]) == {
        name: digests[name] for name in files if name not in payload and name != "tagmanifest-sha256.txt"
    }
    told = dict(line.split(": ", 1) for line in files["bag-info.txt"].decode().splitlines())
    assert told["Payload-Oxum"] == f"{sum(map(len, payload.values()))}.{len(payload)}"
    assert {"README.txt", "LICENCE.txt", "CITATIONS.txt", "CITATIONS.bib", "refused.csv"} < set(files)
    assert files["CITATIONS.bib"].startswith(b"@misc{LUNG1")
    assert len([name for name in payload if name.endswith(".dcm")]) == 5


@pytest.mark.parametrize("form", downloads.CONTAINERS)
def test_the_same_choice_is_the_same_bytes_whenever_it_is_made(
    archive: Archive, lung: collections.Collection, form: str
) -> None:
    first, again = package_of(archive, form), package_of(archive, form)
    assert first.etag == again.etag
    assert b"".join(first.chunks()) == b"".join(again.chunks())
    assert len({package_of(archive, one, layout).etag for one in ("zip", "tar") for layout in downloads.LAYOUTS}) == 6


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=st.tuples(st.floats(0, 1), st.floats(0, 1)), form=st.sampled_from(["zip", "tar"]))
def test_any_range_is_that_part_of_the_whole(
    archive: Archive, lung: collections.Collection, ends: tuple[float, float], form: str
) -> None:
    package = package_of(archive, form)
    start, stop = sorted(int(end * package.length) for end in ends)
    assert b"".join(package.chunks(start, stop)) == b"".join(package.chunks())[start:stop]


def test_the_layout_like_bids_has_subjects_and_numbered_sessions(
    archive: Archive, lung: collections.Collection
) -> None:
    publish(archive, lung, make_series(1, StudyDate="20220202"))
    names = sorted(files_in(package_of(archive, layout="bids")))
    described = json.loads(files_in(package_of(archive, layout="bids"))["data/LUNG-1/dataset_description.json"])
    folders = {"/".join(name.split("/")[2:5]) for name in names if name.endswith(".dcm")}
    kinds = sorted((one.split("/")[1], one.split("/")[2]) for one in folders)
    assert kinds == [("ses-01", "anat"), ("ses-01", "ct"), ("ses-02", "ct")]
    assert all(name.split("/")[2].removeprefix("sub-").isalnum() for name in names if name.endswith(".dcm"))
    assert described["DatasetType"] == "raw"


def test_an_unknown_layout_is_refused(archive: Archive, lung: collections.Collection) -> None:
    with pytest.raises(Invalid):
        downloads.select(archive, ANYBODY, collection="LUNG-1", layout="../x")


NAMES = ("../../etc/<b>x yé", "CON", "a\\b:c*?", ".hidden.", "=cmd()", "x" * 64, "-rf")


def test_names_are_plain_and_stay_inside_whatever_the_headers_say(archive: Archive) -> None:
    files = [make_image(SeriesDescription=name, patient=name) for name in NAMES]
    publish(archive, make_collection(archive), files)
    for layout in downloads.LAYOUTS:
        chosen = downloads.select(archive, ANYBODY, collection="LUNG-1", layout=layout)
        assert len(chosen.files) == len(NAMES)
        for file in chosen.files:
            assert all(part.strip(".") and not part.startswith((".", "-", "=")) for part in file.path.split("/"))
            assert all(c.isascii() and (c.isalnum() or c in "._+-/") for c in file.path)
            assert len(file.path) < 240


def test_two_files_of_one_name_are_numbered_also_where_capitals_do_not_count() -> None:
    from_rows = downloads.unique(["a/X.dcm", "a/x.dcm", "a/x_2.dcm", "a/X.dcm", "b", "B"])
    assert from_rows == ["a/X.dcm", "a/x_2.dcm", "a/x_2_2.dcm", "a/X_3.dcm", "b", "B_2"]


def test_what_is_left_out_stands_in_every_package_with_the_reason(
    archive: Archive, lung: collections.Collection
) -> None:
    publish(archive, make_collection(archive, "CTRL", access="controlled"), make_series(1))
    made = carts.open_cart(archive, SYSTEM)
    carts.pin(archive, SYSTEM, made.id, search.ALL)
    gone = search.find(archive, SYSTEM, search.read("modality=MR")).rows[0].series_uid
    releases.withdraw(archive, SYSTEM, lung.id, gone, "quality", "Bad slices.")
    package = downloads.Package(archive, downloads.select(archive, ANYBODY, cart=made.id))
    table = files_in(package)["refused.csv"].decode().splitlines()
    assert table[0] == "series_uid,collection,series,reason,url"
    assert any(line.startswith(f"{gone},LUNG-1,1,Withdrawn in release 2 (quality)") for line in table)
    assert any(",CTRL,1,The owner" in line for line in table)
    assert len([name for name in files_in(package) if name.endswith(".dcm")]) == 3


def test_more_than_a_package_holds_is_refused_with_its_size(
    archive: Archive, lung: collections.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invivo.downloads.selection.MOST_FILES", 4)
    made = carts.open_cart(archive, ANYBODY)
    carts.pin(archive, ANYBODY, made.id, search.ALL)
    for given_ in ({"collection": "LUNG-1"}, {"cart": made.id}):
        chosen = downloads.select(archive, ANYBODY, **given_)
        assert chosen.excess is not None
        assert chosen.excess[0] == 5
        with pytest.raises(downloads.PackageTooLarge, match="5 files"):
            downloads.Package(archive, chosen)


def test_a_cart_is_taken_home_like_its_series(archive: Archive, lung: collections.Collection) -> None:
    made = carts.open_cart(archive, ANYBODY)
    carts.pin(archive, ANYBODY, made.id, search.ALL)
    by_cart = downloads.select(archive, ANYBODY, cart=made.id)
    by_series = downloads.select(
        archive, ANYBODY, series_uids=[line.series_uid for line in carts.contents(archive, ANYBODY, made.id)]
    )
    assert (by_cart.files, by_cart.taken, by_cart.sources) == (by_series.files, by_series.taken, by_series.sources)
