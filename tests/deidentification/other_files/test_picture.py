import random
import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from invivo.deidentification import CannotDeidentify
from invivo.deidentification.other_files import CleanedOther

Clean = Callable[..., CleanedOther]
SECRET = "Bronislawa Kowalczyk ZX9081726 1943-08-17"
XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a>{SECRET}</a></x:xmpmeta>".encode()


def noise(mode: str = "RGB", size: tuple[int, int] = (37, 23)) -> Image.Image:
    bands = {"RGB": 3, "RGBA": 4}.get(mode, 1)
    values = np.random.default_rng(3).integers(0, 256, (size[1], size[0], bands), dtype=np.uint8)
    if mode == "I;16":
        return Image.fromarray(values[..., 0].astype(np.uint16) * 257)
    picture = Image.fromarray(values.squeeze())
    return picture.convert(mode) if picture.mode != mode else picture


def exif(orientation: int = 6) -> bytes:
    tags = Image.Exif()
    tags[0x010E], tags[0x013B], tags[0x8298], tags[0x0132] = SECRET, SECRET, SECRET, "2020:01:31 10:00:00"
    tags[0x0112] = orientation
    tags.get_ifd(0x8825)[2] = (53.0, 33.0, 5.0)
    tags.get_ifd(0x8769)[0x9286] = SECRET
    return tags.tobytes()


def made(kind: str, mode: str = "RGB", **more: object) -> bytes:
    target = BytesIO()
    noise(mode).save(target, kind, **more)
    return target.getvalue()


def jpeg(**more: object) -> bytes:
    content = made(
        "JPEG",
        exif=exif(),
        comment=SECRET,
        xmp=XMP,
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        **more,
    )
    irb = b"Photoshop 3.0\x008BIM" + SECRET.encode()
    extra = b"\xff\xed" + struct.pack(">H", len(irb) + 2) + irb
    thumbnail = b"\xff\xe0" + struct.pack(">H", 8 + len(SECRET)) + b"JFXX\0\x10" + SECRET.encode()
    return content[:2] + extra + thumbnail + content[2:] + made("JPEG", comment=SECRET)


def png() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", SECRET)
    text.add_text("Comment", SECRET, zip=True)
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    content = made("PNG", pnginfo=text, exif=exif(), dpi=(300, 300))
    private = b"paTx" + SECRET.encode()
    chunk = struct.pack(">I", len(SECRET)) + private + struct.pack(">I", zlib.crc32(private))
    return content[:33] + chunk + content[33:] + SECRET.encode()


def tiff(**more: object) -> bytes:
    more = more or {"exif": exif(1)}
    return made("TIFF", description=SECRET, software=SECRET, artist=SECRET, copyright=SECRET, **more) + SECRET.encode()


def gif() -> bytes:
    target = BytesIO()
    frames = [noise("L").rotate(angle) for angle in (0, 90, 180)]
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:], comment=SECRET.encode(), loop=0, duration=50)
    return target.getvalue() + SECRET.encode()


def bitmap() -> bytes:
    content = bytearray(made("BMP"))
    (offset,) = struct.unpack_from("<I", content, 10)
    struct.pack_into("<I", content, 10, offset + len(SECRET))
    return bytes(content[:offset]) + SECRET.encode() + bytes(content[offset:]) + SECRET.encode()


PICTURES = {
    "jpeg": jpeg,
    "jpeg progressive": lambda: jpeg(progressive=True),
    "jpeg grey": lambda: made("JPEG", "L", comment=SECRET),
    "png": png,
    "png palette": lambda: made("PNG", "P", exif=exif()),
    "tiff": tiff,
    "tiff lzw": lambda: tiff(compression="tiff_lzw"),
    "tiff jpeg": lambda: tiff(compression="jpeg"),
    "tiff deflate": lambda: tiff(compression="tiff_adobe_deflate"),
    "tiff 16 bit": lambda: made("TIFF", "I;16", description=SECRET),
    "gif": gif,
    "webp": lambda: made("WEBP", exif=exif(), xmp=XMP) + SECRET.encode(),
    "webp lossless": lambda: made("WEBP", "RGBA", lossless=True, exif=exif(), xmp=XMP),
    "bmp": bitmap,
}


@pytest.mark.parametrize("kind", PICTURES)
def test_nothing_planted_is_left_in_a_picture_and_it_is_drawn_the_same(
    clean: Clean, nothing_left: Callable[..., None], kind: str
) -> None:
    content = PICTURES[kind]()
    cleaned = clean(content)
    nothing_left(cleaned.output, "xmpmeta", "Photoshop")
    old, new = Image.open(BytesIO(content)), Image.open(BytesIO(cleaned.output))
    assert (old.mode, old.size, old.tobytes()) == (new.mode, new.size, new.tobytes())
    assert cleaned.leftovers == ()
    assert [doubt.severity for doubt in cleaned.doubts if doubt.code == "pixel.photograph"] == ["hold"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_as_before(clean: Clean, orientation: int) -> None:
    cleaned = clean(made("JPEG", exif=exif(orientation)))
    tags = Image.open(BytesIO(cleaned.output)).getexif()
    assert dict(tags) == ({0x0112: orientation} if orientation > 1 else {})


def test_a_well_known_colour_profile_stays_and_a_named_one_goes(clean: Clean) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert Image.open(BytesIO(clean(made("PNG", icc_profile=profile)).output)).info["icc_profile"] == profile
    named = profile.replace("sRGB".encode("utf-16-be"), "Xavr".encode("utf-16-be")).replace(b"sRGB", b"Xavr")
    assert "icc_profile" not in Image.open(BytesIO(clean(made("PNG", icc_profile=named)).output)).info


def test_every_page_of_a_tiff_stays(clean: Clean) -> None:
    target = BytesIO()
    pages = [noise("L", (20, 10 + number)) for number in range(4)]
    pages[0].save(target, "TIFF", save_all=True, append_images=pages[1:])
    new = Image.open(BytesIO(clean(target.getvalue()).output))
    assert new.n_frames == 4
    for number, page in enumerate(pages):
        new.seek(number)
        assert new.tobytes() == page.tobytes()


def test_an_animation_keeps_its_frames(clean: Clean) -> None:
    new = Image.open(BytesIO(clean(gif()).output))
    assert (new.n_frames, new.info["loop"], new.info["duration"]) == (3, 0, 50)


def test_text_behind_the_coded_pixels_of_a_png_is_refused(clean: Clean) -> None:
    content = made("PNG")
    start = content.index(b"IDAT") - 4
    size = int.from_bytes(content[start : start + 4], "big")
    value = content[start + 8 : start + 8 + size] + SECRET.encode()
    chunk = struct.pack(">I", len(value)) + b"IDAT" + value + struct.pack(">I", zlib.crc32(b"IDAT" + value))
    with pytest.raises(CannotDeidentify) as refused:
        clean(content[:start] + chunk + content[start + 12 + size :])
    assert refused.value.kind == "deidentification.hidden-content"


def test_a_table_of_a_jpeg_that_is_too_long_is_refused(clean: Clean) -> None:
    content = made("JPEG")
    place = content.index(b"\xff\xdb")
    size = int.from_bytes(content[place + 2 : place + 4], "big")
    longer = content[: place + 2] + struct.pack(">H", size + 9) + content[place + 4 : place + 2 + size] + b"Kowalczyk"
    with pytest.raises(CannotDeidentify):
        clean(longer + content[place + 2 + size :])


@pytest.mark.parametrize("kind", PICTURES)
def test_broken_pictures_never_raise_anything_else(clean: Clean, kind: str) -> None:
    chance = random.Random(11)
    whole = PICTURES[kind]()
    for _ in range(40):
        content = bytearray(whole[: chance.choice((len(whole), chance.randrange(20, len(whole))))])
        for _ in range(chance.randint(0, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        try:
            clean(bytes(content))
        except CannotDeidentify as refused:
            assert "owalczyk" not in refused.message


def test_a_picture_of_hostile_size_is_refused(clean: Clean) -> None:
    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    with pytest.raises(CannotDeidentify):
        clean(b"\x89PNG\r\n\x1a\n" + chunk + end)
