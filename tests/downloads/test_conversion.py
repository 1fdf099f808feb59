"""Other forms of a series: what is made, what is refused, and that nothing is left behind."""

import io
import shutil
import sys
import zipfile
from pathlib import Path

import av
import nibabel
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from invivo import accounts, downloads, search
from invivo.archive import Archive
from invivo.downloads import video
from invivo.errors import Conflict
from tests.factories import make_collection, make_series, publish

ANYBODY = accounts.ANONYMOUS
PROGRAM = shutil.which("dcm2niix", path=str(Path(sys.executable).parent)) or shutil.which("dcm2niix")


@pytest.fixture
def uid(archive: Archive) -> str:
    publish(archive, make_collection(archive), make_series(3))
    return str(search.find(archive, ANYBODY, search.ALL).rows[0].series_uid)


def left_behind(archive: Archive) -> list[Path]:
    return list((archive.settings.home / "run").glob("convert-*"))


@pytest.mark.parametrize(("form", "kind"), [("png", "PNG"), ("jpeg", "JPEG")])
def test_every_frame_becomes_a_picture(archive: Archive, uid: str, form: str, kind: str) -> None:
    made = downloads.convert(archive, ANYBODY, uid, form)
    content = b"".join(made.chunks())
    assert len(content) == made.size_bytes
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        pictures = [name for name in opened.namelist() if name.endswith((".png", ".jpg"))]
        assert len(pictures) == 3
        assert {"README.txt", "LICENCE.txt", "CITATIONS.txt"} < set(opened.namelist())
        with Image.open(io.BytesIO(opened.read(pictures[0]))) as picture:
            assert (picture.format, picture.size) == (kind, (16, 16))
    assert left_behind(archive) == []


def test_without_the_converter_it_is_said_so(archive: Archive, uid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(downloads.NoConverter):
        downloads.convert(archive, ANYBODY, uid, "nifti")
    assert left_behind(archive) == []


def fake_converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program in dcm2niix's place; ``$9`` is the folder to write to."""
    program = tmp_path / "dcm2niix"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    monkeypatch.setattr("shutil.which", lambda *_, **__: str(program))


def test_what_the_converter_makes_is_packed(
    archive: Archive, uid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_converter(tmp_path, monkeypatch, 'shift 9; ls "${2}" | wc -l > "${1}/a.nii.gz"')
    made = downloads.convert(archive, ANYBODY, uid, "nifti")
    with zipfile.ZipFile(io.BytesIO(b"".join(made.chunks()))) as opened:
        assert opened.read("a.nii.gz").strip() == b"3"
    assert left_behind(archive) == []


def test_a_converter_that_makes_nothing_or_hangs_is_ended(
    archive: Archive, uid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_converter(tmp_path, monkeypatch, "exit 3")
    with pytest.raises(downloads.NotConvertible):
        downloads.convert(archive, ANYBODY, uid, "nifti")
    fake_converter(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr("invivo.downloads.conversion.LONGEST_S", 1.0)
    with pytest.raises(downloads.ConversionTooLarge):
        downloads.convert(archive, ANYBODY, uid, "nifti")
    assert left_behind(archive) == []


def test_no_more_conversions_run_than_may(archive: Archive, uid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Taken:
        def acquire(self, timeout: float) -> bool:
            return timeout < 0

    monkeypatch.setattr("invivo.downloads.conversion._turns", Taken())
    with pytest.raises(downloads.Converting):
        downloads.convert(archive, ANYBODY, uid, "png")


def test_too_many_frames_are_refused(archive: Archive, uid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("invivo.downloads.conversion.MOST_FRAMES", 2)
    with pytest.raises(downloads.ConversionTooLarge):
        downloads.convert(archive, ANYBODY, uid, "png")
    assert left_behind(archive) == []


def test_a_report_has_no_pictures(archive: Archive) -> None:
    report = get_testdata_file("test-SR.dcm", download=False)
    publish(archive, make_collection(archive, "SR"), [Path(str(report)).read_bytes()])
    row = search.find(archive, ANYBODY, search.ALL).rows[0]
    with pytest.raises(downloads.NotConvertible):
        downloads.convert(archive, ANYBODY, row.series_uid, "png")


def test_what_one_may_not_have_is_not_converted(archive: Archive) -> None:
    publish(archive, make_collection(archive, access="controlled"), make_series(1))
    row = search.find(archive, ANYBODY, search.ALL).rows[0]
    with pytest.raises(downloads.NothingChosen):
        downloads.convert(archive, ANYBODY, row.series_uid, "png")


def test_a_full_disk_ends_it_before_it_begins(archive: Archive, uid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise Conflict("The disk is full.")

    monkeypatch.setattr(archive.objects, "need_room", full)
    with pytest.raises(Conflict):
        downloads.convert(archive, ANYBODY, uid, "png")
    assert left_behind(archive) == []


@pytest.mark.skipif(not PROGRAM, reason="dcm2niix is an extra")
def test_the_real_program_gives_a_volume_with_its_spacing(archive: Archive, uid: str, tmp_path: Path) -> None:
    made = downloads.convert(archive, ANYBODY, uid, "nifti")
    with zipfile.ZipFile(io.BytesIO(b"".join(made.chunks()))) as opened:
        [name] = [name for name in opened.namelist() if name.endswith(".nii.gz")]
        opened.extract(name, tmp_path)
    volume = nibabel.load(tmp_path / name)
    assert volume.shape == (16, 16, 3)
    assert volume.header.get_zooms() == (1.0, 1.0, 5.0)
    assert left_behind(archive) == []


MULTI_FRAME = (("emri_small.dcm", 10, (64, 64)), ("SC_rgb_rle_2frame.dcm", 2, (100, 100)))


def multi_frame(name: str, **changed: object) -> bytes:
    """Return one of pydicom's files with several frames, with other attributes."""
    found = get_testdata_file(name, download=False)
    if found is None:
        pytest.skip(f"{name} is not here")
    dataset = dcmread(str(found))
    for keyword, value in changed.items():
        setattr(dataset, keyword, value)
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def films_in(made: downloads.Converted) -> list[tuple[int, tuple[int, int], float]]:
    """Decode every film: its frames, their size, and how many a second."""
    found = []
    with zipfile.ZipFile(io.BytesIO(b"".join(made.chunks()))) as opened:
        assert "LICENCE.txt" in opened.namelist()
        for name in sorted(one for one in opened.namelist() if one.endswith(".mp4")):
            with av.open(io.BytesIO(opened.read(name))) as film:
                stream = film.streams.video[0]
                sizes = [(frame.width, frame.height) for frame in film.decode(stream)]
                assert len(set(sizes)) == 1
                assert stream.average_rate is not None
                found.append((len(sizes), sizes[0], float(stream.average_rate)))
    return found


@pytest.mark.parametrize(("name", "frames", "size"), MULTI_FRAME)
def test_an_object_with_many_frames_becomes_a_film_of_as_many(
    archive: Archive, name: str, frames: int, size: tuple[int, int]
) -> None:
    publish(archive, make_collection(archive, "FILM"), [multi_frame(name)])
    row = search.find(archive, ANYBODY, search.ALL).rows[0]
    ((counted, seen, _),) = films_in(downloads.convert(archive, ANYBODY, row.series_uid, "mp4"))
    assert (counted, seen) == (frames, size)
    assert left_behind(archive) == []


def test_the_slices_of_a_series_become_one_film(archive: Archive, uid: str) -> None:
    assert films_in(downloads.convert(archive, ANYBODY, uid, "mp4")) == [(3, (16, 16), 10.0)]


@pytest.mark.parametrize(
    ("said", "rate"),
    [
        ({"CineRate": "24"}, 24),
        ({"FrameTime": "40"}, 25),
        ({"RecommendedDisplayFrameRate": "12"}, 12),
        ({"CineRate": "15", "FrameTime": "40"}, 15),
        ({"FrameTime": "0"}, 10),
        ({"FrameTime": "0.001"}, 60),
        ({"CineRate": "-3"}, 10),
        ({}, 10),
    ],
)
def test_a_film_runs_as_fast_as_the_object_says(said: dict[str, str], rate: int) -> None:
    dataset = Dataset()
    for keyword, value in said.items():
        setattr(dataset, keyword, value)
    assert video.rate_of(dataset) == rate


@pytest.mark.parametrize(
    ("size", "fit"), [((15, 33), (16, 34)), ((640, 481), (640, 482)), ((4000, 2001), (1920, 960)), ((2, 2), (16, 16))]
)
def test_a_film_has_even_sides_and_is_not_too_large(size: tuple[int, int], fit: tuple[int, int]) -> None:
    picture = video.fitted(Image.new("L", size))
    assert (picture.size, picture.mode) == (fit, "RGB")


@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
def test_either_encoder_makes_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: str) -> None:
    monkeypatch.setattr(video, "encoder", lambda: encoder)
    film = video.Film(tmp_path / "a.mp4", (64, 48), video.USUAL_RATE)
    for shade in range(0, 250, 50):
        film.add(Image.new("RGB", (64, 48), (shade, shade, shade)))
    with av.open(str(film.close())) as opened:
        means = [frame.to_ndarray(format="gray").mean() for frame in opened.decode(video=0)]
    assert len(means) == 5
    assert means == sorted(means)


@pytest.mark.parametrize(("name", "value"), [("MOST_FRAMES", 2), ("MOST_PIXELS", 500), ("LONGEST_S", 0.0)])
def test_a_film_of_too_much_is_refused(
    archive: Archive, uid: str, monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    monkeypatch.setattr(f"invivo.downloads.conversion.{name}", value)
    with pytest.raises(downloads.ConversionTooLarge):
        downloads.convert(archive, ANYBODY, uid, "mp4")
    assert left_behind(archive) == []


def test_one_picture_and_no_picture_are_no_film(archive: Archive) -> None:
    report = get_testdata_file("test-SR.dcm", download=False)
    one = make_collection(archive, "STILL")
    publish(archive, one, make_series(1))
    publish(archive, one, [Path(str(report)).read_bytes()])
    for row in search.find(archive, ANYBODY, search.ALL).rows:
        with pytest.raises(downloads.NotConvertible):
            downloads.convert(archive, ANYBODY, row.series_uid, "mp4")


def test_without_the_library_of_films_it_is_said_so(
    archive: Archive, uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "is_installed", lambda: False)
    with pytest.raises(downloads.NoConverter):
        downloads.convert(archive, ANYBODY, uid, "mp4")
