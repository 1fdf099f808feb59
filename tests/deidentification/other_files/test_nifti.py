import gzip
import random
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from invivo.deidentification import CannotDeidentify
from invivo.deidentification.other_files import CleanedOther, compression

nibabel = pytest.importorskip("nibabel")

FOLDER = Path(nibabel.__file__).parent / "tests" / "data"
FILES = [
    FOLDER / name
    for name in (
        *("anatomical.nii", "functional.nii", "example4d.nii.gz", "example_nifti2.nii.gz", "standard.nii.gz"),
        *("reoriented_anat_moved.nii", "resampled_anat_moved.nii"),
    )
]
Clean = Callable[..., CleanedOther]


def planted(
    *, second: bool = False, order: str = "<", extensions: bool = True, shape: tuple[int, ...] = (5, 6, 7)
) -> bytes:
    """A NIfTI file with an identifier in every text, in extensions, and behind its voxels."""
    form = nibabel.Nifti2Image if second else nibabel.Nifti1Image
    voxels = np.arange(np.prod(shape), dtype=order + "i2").reshape(shape)
    header = form.header_class(endianness=order)
    header.set_data_shape(shape)
    header.set_data_dtype(order + "i2")
    image = form(voxels, np.eye(4), header)
    image.header["descrip"] = b"Kowalczyk 1943-08-17"
    image.header["aux_file"] = b"ZX9081726.nii"
    image.header["intent_name"] = b"Bronislawa"
    if not second:
        image.header["db_name"] = b"Kowalczyk^Bro"
        image.header["data_type"] = b"ZX9081726"
    if extensions:
        for code, text in (
            (2, b"PN Kowalczyk^Bronislawa"),
            (4, b"<x>ZX9081726</x>"),
            (6, b"Kowalczyk came"),
            (18, b"Wrzeszcz"),
        ):
            image.header.extensions.append(nibabel.nifti1.Nifti1Extension(code, text))
    return bytes(image.to_bytes()) + b"Kowalczyk behind the voxels"


def voxels_of(content: bytes) -> np.ndarray:
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    form = nibabel.Nifti2Image if content[:4] in {b"\x1c\2\0\0", b"\0\0\2\x1c"} else nibabel.Nifti1Image
    return np.asanyarray(form.from_bytes(content).dataobj)


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("extensions", [False, True])
def test_nothing_planted_is_left_in_a_header_and_the_voxels_are_the_same(
    clean: Clean, nothing_left: Callable[..., None], second: bool, order: str, extensions: bool
) -> None:
    content = planted(second=second, order=order, extensions=extensions)
    cleaned = clean(content)
    nothing_left(cleaned.output)
    assert cleaned.leftovers == ()
    assert np.array_equal(voxels_of(cleaned.output), np.arange(210).reshape(5, 6, 7))
    assert cleaned.kind == "nifti"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_real_files_keep_every_voxel_and_their_geometry(clean: Clean, path: Path) -> None:
    if not path.exists():
        pytest.skip("this nibabel ships without it")
    content = path.read_bytes()
    cleaned = clean(content, path.name)
    assert voxels_of(cleaned.output).tobytes() == voxels_of(content).tobytes()
    plain = gzip.decompress(cleaned.output) if cleaned.output[:2] == b"\x1f\x8b" else cleaned.output
    form = nibabel.Nifti2Image if plain[:1] == b"\x1c" or plain[3:4] == b"\x1c" else nibabel.Nifti1Image
    assert np.array_equal(form.from_bytes(plain).affine, nibabel.load(path).affine)


def test_a_comment_of_common_words_stays_and_is_read_again(clean: Clean) -> None:
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(6, b"brain mask"))
    read = nibabel.Nifti1Image.from_bytes(clean(image.to_bytes()).output)
    assert [extension.get_content().rstrip(b"\0") for extension in read.header.extensions] == [b"brain mask"]


def test_an_unknown_name_in_the_description_is_blanked_too(clean: Clean) -> None:
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    image.header["descrip"] = b"Oberhuemer Xaver"
    assert b"Oberhuemer" not in clean(image.to_bytes()).output


def test_what_a_program_wrote_as_description_stays(clean: Clean) -> None:
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    image.header["descrip"] = b"FSL5.0"
    assert nibabel.Nifti1Image.from_bytes(clean(image.to_bytes()).output).header["descrip"] == b"FSL5.0"


def test_the_header_of_a_pair_is_cleaned_alone(clean: Clean, nothing_left: Callable[..., None]) -> None:
    header = nibabel.nifti1.Nifti1PairHeader()
    header.set_data_shape((4, 4, 4))
    header["descrip"] = b"Kowalczyk"
    buffer = BytesIO()
    header.write_to(buffer)
    cleaned = clean(buffer.getvalue() + b"\0\0\0\0Kowalczyk")
    nothing_left(cleaned.output)
    assert len(cleaned.output) == 352


def test_the_header_of_a_gzip_file_tells_nothing(clean: Clean, nothing_left: Callable[..., None]) -> None:
    body = planted()
    packed = gzip.compress(body)
    deflate = packed[10:]
    flagged = (
        b"\x1f\x8b\x08\x1c\x11\x22\x33\x44\0\3"
        + struct.pack("<H", 9)
        + b"Kowalczyk"
        + b"Kowalczyk.nii\0"
        + b"ZX9081726\0"
    )
    cleaned = clean(flagged + deflate, "Kowalczyk.nii.gz")
    nothing_left(cleaned.output)
    nothing_left(gzip.decompress(cleaned.output))
    assert cleaned.output[3:8] == bytes(5)
    assert cleaned.name.endswith(".nii.gz")
    assert "owalczyk" not in cleaned.name


def test_a_file_in_several_members_is_read_whole_and_its_tail_is_left_out(clean: Clean) -> None:
    body = planted()
    packed = gzip.compress(body[:300]) + gzip.compress(body[300:]) + b"Kowalczyk tail"
    assert np.array_equal(voxels_of(clean(packed).output), voxels_of(body))


def test_a_bomb_is_refused_before_it_fills_the_memory(clean: Clean, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "RATIO_FREE_BYTES", 1 << 20)
    bomb = gzip.compress(bytes(8 << 20))
    with pytest.raises(CannotDeidentify) as refused:
        clean(bomb)
    assert refused.value.kind == "deidentification.too-large"


def test_a_truncated_member_is_refused(clean: Clean) -> None:
    with pytest.raises(CannotDeidentify):
        clean(gzip.compress(planted())[:-20])


@pytest.mark.parametrize("place", [40, 42, 70, 72, 108])
def test_a_header_that_does_not_fit_is_refused(clean: Clean, place: int) -> None:
    content = bytearray(planted(extensions=False))
    content[place : place + 2] = b"\xff\x7f"
    with pytest.raises(CannotDeidentify):
        clean(bytes(content))


def test_a_volume_as_large_as_a_head_is_flagged(clean: Clean) -> None:
    image = nibabel.Nifti1Image(np.zeros((64, 64, 40), np.uint8), np.diag([4, 4, 4, 1]))
    image.header.set_xyzt_units("mm")
    assert [doubt.code for doubt in clean(image.to_bytes()).doubts] == ["nifti.maybe-head"]


def test_a_name_in_the_voxels_is_a_leftover(clean: Clean) -> None:
    voxels = np.frombuffer(b"Bronislawa Kowalczyk".ljust(64, b"\0"), np.uint8).reshape((4, 4, 4), order="F")
    cleaned = clean(nibabel.Nifti1Image(voxels.copy(), np.eye(4)).to_bytes())
    assert cleaned.leftovers
    assert not any("owalczyk" in left for left in cleaned.leftovers)


def test_broken_headers_never_raise_anything_else(clean: Clean) -> None:
    chance = random.Random(7)
    for _ in range(300):
        content = bytearray(planted(extensions=chance.random() < 0.5)[:900])
        for _ in range(chance.randint(1, 12)):
            content[chance.randrange(8, len(content))] = chance.randrange(256)
        try:
            clean(zlib.compress(bytes(content), wbits=31) if chance.random() < 0.3 else bytes(content))
        except CannotDeidentify:
            continue
