"""Packages: every byte known beforehand, the same every time, and honest about what is missing."""

import hashlib
import io
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invivo import accounts, downloads
from invivo.archive import Archive
from invivo.errors import Invalid
from tests.factories import make_collection, make_image, make_series, publish

ANYBODY = accounts.ANONYMOUS


@pytest.fixture
def package(archive: Archive) -> downloads.Package:
    publish(archive, make_collection(archive), make_series(3))
    return downloads.Package(archive, downloads.select(archive, ANYBODY, collection="LUNG-1"))


def test_the_length_is_exact_and_the_zip_is_sound(package: downloads.Package) -> None:
    content = b"".join(package.chunks())
    assert len(content) == package.length
    opened = zipfile.ZipFile(io.BytesIO(content))
    assert opened.testzip() is None
    listed = dict(line.split("  ")[::-1] for line in opened.read("manifest-sha256.txt").decode().splitlines())
    assert {name: hashlib.sha256(opened.read(name)).hexdigest() for name in listed} == listed
    assert {"README.txt", "LICENCE.txt"} < set(opened.namelist())


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_any_range_is_that_part_of_the_whole(package: downloads.Package, ends: tuple[float, float]) -> None:
    start, stop = sorted(int(end * package.length) for end in ends)
    assert b"".join(package.chunks(start, stop)) == b"".join(package.chunks())[start:stop]


def test_the_same_choice_gives_the_same_entity_tag_and_another_gives_another(
    archive: Archive, package: downloads.Package
) -> None:
    again = downloads.Package(archive, downloads.select(archive, ANYBODY, collection="LUNG-1"))
    assert again.etag == package.etag
    publish(archive, make_collection(archive, "LUNG-2"), [make_image()])
    other = downloads.Package(archive, downloads.select(archive, ANYBODY, collection="LUNG-2"))
    assert other.etag != package.etag


def test_names_in_a_package_are_plain_whatever_the_header_says(archive: Archive) -> None:
    publish(archive, make_collection(archive), [make_image(SeriesDescription="../../etc/<b>x y\u00e9")])
    for file in downloads.select(archive, ANYBODY, collection="LUNG-1").files:
        assert ".." not in file.path.split("/")
        assert all(c.isalnum() or c in "._+-/" for c in file.path)


def test_what_may_not_be_had_is_listed_with_the_reason(archive: Archive) -> None:
    publish(archive, make_collection(archive, access="registered"), make_series(2))
    selection = downloads.select(archive, ANYBODY, collection="LUNG-1")
    assert selection.files == ()
    assert [refusal.reason for refusal in selection.refused] == ["An account is needed: sign in."]


def test_a_selection_without_criteria_must_be_asked_for(archive: Archive) -> None:
    with pytest.raises(Invalid, match="Say what to download"):
        downloads.select(archive, ANYBODY)


def test_nothing_visible_is_nothing_at_all(archive: Archive) -> None:
    publish(archive, make_collection(archive, access="private"), make_series(1))
    with pytest.raises(downloads.NothingChosen):
        downloads.select(archive, ANYBODY, study_uid="1.2.3")
