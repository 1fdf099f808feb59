"""What consecutive objects have in common: read faster, never otherwise."""

import io
import random
from collections.abc import Iterator

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from invivo import dicom
from invivo.dicom import repeating, scanner
from invivo.errors import InvivoError


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(repeating, "_patterns", {})
    yield


def written(dataset: Dataset, **changed: object) -> bytes:
    for keyword, value in changed.items():
        setattr(dataset, keyword, value)
    stream = io.BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


def slices(count: int) -> list[bytes]:
    """A series whose slices differ as those of a scanner do: in numbers, positions and times, and now and then in length."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-D3000", "SRT", "Chest"
    dataset.AnatomicRegionSequence = Sequence([code])
    return [
        written(
            dataset,
            SOPInstanceUID=f"1.2.{number}",
            InstanceNumber=number,
            SliceLocation=str(number * 1.25),
            ImagePositionPatient=[0, 0, number * 1.25],
            ContentTime=f"1200{number % 60:02d}",
        )
        for number in range(count)
    ]


def plainly(monkeypatch: pytest.MonkeyPatch, content: bytes) -> dicom.Scan | str:
    with monkeypatch.context() as patch:
        patch.setattr(scanner, "pattern_of", lambda *_: None)
        return scanned(content)


def scanned(content: bytes) -> dicom.Scan | str:
    try:
        return dicom.scan(io.BytesIO(content))
    except InvivoError as error:
        return error.kind


def test_a_series_is_read_as_without_and_most_of_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[int] = []
    fits = scanner._Walk.fits

    def counted(walk: scanner._Walk, run: repeating.Run, position: int, level: scanner._Level) -> bool:
        found = fits(walk, run, position, level)
        fitted.append(run.count if found else 0)
        return found

    monkeypatch.setattr(scanner._Walk, "fits", counted)
    contents = slices(12)
    for content in contents:
        expected = plainly(monkeypatch, content)
        found = scanned(content)
        assert found == expected
        assert isinstance(found, dicom.Scan)
        assert list(found.json) == sorted(found.json)
    assert sum(fitted) > 8 * 100


def test_other_character_sets_read_the_same_bytes_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.PatientName = "M\xfcller"
    dataset.SpecificCharacterSet = "ISO_IR 100"
    contents = [written(dataset, InstanceNumber=number) for number in range(4)]
    other = contents[0].replace(b"ISO_IR 100", b"ISO_IR 101")
    for content in [*contents, other, contents[1], other]:
        assert scanned(content) == plainly(monkeypatch, content)


def test_another_scanner_in_between_and_ever_after_is_read_as_without(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = slices(40), written(pydicom.dcmread(get_testdata_file("MR_small.dcm")))
    patched = other.replace(
        b"1.2.840.10008.5.1.4.1.1.4\0", b"1.2.840.10008.5.1.4.1.1.2\0"
    )  # as if it were of one class
    for content in [*one[:4], patched, one[5], *[patched] * 30, *one[6:]]:
        assert scanned(content) == plainly(monkeypatch, content)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_objects_are_read_as_without(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    contents = slices(3)
    for content in contents:
        scanned(content)
    for _ in range(60):
        hostile = bytearray(contents[-1])
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(132, len(hostile) - 40_000 if len(hostile) > 60_000 else len(hostile))
            if chance.random() < 0.3:
                del hostile[place : place + chance.randint(1, 12)]
            elif chance.random() < 0.5:
                hostile[place:place] = chance.randbytes(chance.randint(1, 6))
            else:
                hostile[place] = chance.randrange(256)
        assert scanned(bytes(hostile)) == plainly(monkeypatch, bytes(hostile))


def test_elements_that_were_taken_at_once_count_against_the_limit() -> None:
    contents = slices(3)
    for content in contents:
        scanned(content)
    whole = dicom.scan(io.BytesIO(contents[2]))
    limits = dicom.Limits(elements=len(whole.json) // 2)
    for content in contents:
        with pytest.raises(InvivoError):
            dicom.scan(io.BytesIO(content), limits)
