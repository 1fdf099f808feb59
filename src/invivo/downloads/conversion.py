"""One series in another form on its way home: NIfTI by dcm2niix, its frames as PNG or JPEG, or films of them; always a ZIP.

Converters read what others made, so they run bounded: in time, bytes and number at once, in a private folder beside the
archive's that is gone afterwards. What was made is not kept: the original is what can be resumed and verified.
"""

import io
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

from invivo import accounts, dicom, images
from invivo.archive import Archive
from invivo.downloads import video
from invivo.downloads.citation import citation, licence_text, summary
from invivo.downloads.layout import plain
from invivo.downloads.selection import NothingChosen, Selection, need_files, select
from invivo.errors import Busy, Conflict, InvivoError, TooLarge

FORMS = ("nifti", "png", "jpeg", "mp4")
MOST_FILES = 5_000
MOST_FRAMES = 2_000
MOST_PIXELS = 2 << 30  # of all pictures of a film
MOST_BYTES = 4 << 30
MOST_MADE = 8 << 30
LONGEST_S = 120.0
LEFT_BEHIND_S = 3600
AT_ONCE = 2
CHUNK = 1 << 20
_turns = threading.BoundedSemaphore(AT_ONCE)


class NoConverter(Conflict):
    """This installation has no dcm2niix, or cannot make films."""

    code = "download.no-converter"


class NotConvertible(Conflict):
    """Nothing of this form can be made of the series."""

    code = "download.not-convertible"


class ConversionTooLarge(TooLarge):
    """The series is larger than what is converted on the way."""

    code = "download.conversion-too-large"


class Converting(Busy):
    """As many conversions run as may run at once."""

    code = "download.converting"


@dataclass(frozen=True, slots=True)
class Converted:
    """A series in another form.

    Attributes
    ----------
    path : Path
        A ZIP in a private folder; `chunks` removes it when it has been read.
    taken : Selection
        What it was made of.
    """

    name: str
    path: Path
    size_bytes: int
    taken: Selection

    def chunks(self) -> Iterator[bytes]:
        """Yield the ZIP, and remove it whether all of it was taken or not."""
        try:
            with self.path.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
        finally:
            self.drop()

    def drop(self) -> None:
        """Remove what was made."""
        shutil.rmtree(self.path.parent, ignore_errors=True)


def convert(archive: Archive, actor: accounts.Actor, series_uid: str, form: str) -> Converted:
    """Make another form of a series that the actor may have.

    Parameters
    ----------
    form : {"nifti", "png", "jpeg", "mp4"}

    Raises
    ------
    NothingChosen, KeptElsewhere
        There is nothing here of it that the actor may have.
    NoConverter, NotConvertible, ConversionTooLarge, Converting
    """
    chosen = select(archive, actor, series_uids=[series_uid])
    need_files(chosen)
    if not chosen.files:
        raise NothingChosen("There is nothing of this series that you may have.")
    if len(chosen.files) > MOST_FILES or chosen.size_bytes > MOST_BYTES:
        raise ConversionTooLarge(
            f"At most {MOST_FILES} files and {MOST_BYTES} bytes are converted on the way; take the original and convert it there."
        )
    make = {"nifti": _nifti, "mp4": _films}.get(form) or (lambda *given: _pictures(form, *given))
    archive.objects.need_room()
    if not _turns.acquire(timeout=1):
        raise Converting("Other series are being converted just now; try again in a moment.", retry_after_s=10)
    try:
        return _made(archive, actor, series_uid, chosen, form, make)
    finally:
        _turns.release()


def _made(
    archive: Archive,
    actor: accounts.Actor,
    series_uid: str,
    chosen: Selection,
    form: str,
    make: Callable[[Archive, list[images.Instance], Path, str], Iterator[Path]],
) -> Converted:
    _drop_left_behind(archive.settings.home / "run")
    folder = Path(tempfile.mkdtemp(prefix="convert-", dir=archive.settings.home / "run"))
    try:
        instances = images.instances_of_series(archive, actor, series_uid)
        stem = plain(f"{chosen.name}_{series_uid[-8:]}", 80)
        path = folder / "made.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
            for one in make(archive, instances, folder, stem):
                out.write(one, one.name)
                one.unlink()
            out.writestr("README.txt", _about(archive, chosen, form))
            out.writestr("LICENCE.txt", licence_text(chosen))
            out.writestr("CITATIONS.txt", f"{citation(chosen)}\n")
        return Converted(f"{stem}-{form}.zip", path, path.stat().st_size, chosen)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _about(archive: Archive, chosen: Selection, form: str) -> str:
    made = f"Converted to {form} on the way; the released files are DICOM, their digests stand in the original package.\n\n"
    return made + summary(chosen, archive.settings.site.name, archive.settings.public_url)


def _drop_left_behind(folder: Path) -> None:
    """Remove what a process that was killed left behind."""
    for one in folder.glob("convert-*"):
        if time.time() - one.stat().st_mtime > LEFT_BEHIND_S:
            shutil.rmtree(one, ignore_errors=True)


def _nifti(archive: Archive, instances: list[images.Instance], folder: Path, stem: str) -> Iterator[Path]:
    program = shutil.which("dcm2niix", path=str(Path(sys.executable).parent)) or shutil.which("dcm2niix")
    if program is None:
        raise NoConverter("This archive has no dcm2niix, so it makes no NIfTI; take the original and convert it there.")
    given, made = folder / "in", folder / "out"
    given.mkdir()
    made.mkdir()
    for number, one in enumerate(instances):
        with archive.objects.open(one.digest) as source, (given / f"{number:06d}.dcm").open("wb") as out:
            shutil.copyfileobj(source, out, CHUNK)
    told = [program, "-z", "y", "-b", "y", "-ba", "y", "-f", stem.replace("%", "_"), "-o", str(made), str(given)]
    process = subprocess.Popen(
        told, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )
    try:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (MOST_MADE, MOST_MADE))
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (int(LONGEST_S), int(LONGEST_S)))
    except ProcessLookupError:  # because it has ended already
        process.poll()
    try:
        process.wait(LONGEST_S)
    except subprocess.TimeoutExpired as error:
        raise ConversionTooLarge(
            f"Converting took longer than {LONGEST_S:.0f} s; take the original and convert it there."
        ) from error
    finally:
        process.kill()
        process.wait()
    shutil.rmtree(given)
    files = sorted(one for one in made.iterdir() if one.is_file() and not one.is_symlink())
    if not any(one.name.endswith(".nii.gz") and one.stat().st_size for one in files):
        raise NotConvertible("dcm2niix makes no NIfTI of this series; take the original.")
    yield from files


def _pictures(form: str, archive: Archive, instances: list[images.Instance], folder: Path, stem: str) -> Iterator[Path]:
    """Render every frame with its own display attributes; what is no picture is left out, and said if all is."""
    total = sum(one.frames for one in instances)
    if total > MOST_FRAMES:
        raise ConversionTooLarge(
            f"At most {MOST_FRAMES} frames are made into pictures on the way; this series has {total}."
        )
    began, number = time.monotonic(), 0
    for one in instances:
        for frame in range(1, one.frames + 1):
            if time.monotonic() - began > LONGEST_S:
                raise ConversionTooLarge(f"The pictures took longer than {LONGEST_S:.0f} s; take the original.")
            try:
                with archive.objects.open(one.digest) as source:
                    content = dicom.render(source, frame, media="image/png" if form == "png" else "image/jpeg")
            except InvivoError:  # because a report, or a frame that cannot be decoded, is no picture
                break
            number += 1
            path = folder / f"{stem}_{number:05d}.{'png' if form == 'png' else 'jpg'}"
            path.write_bytes(content)
            yield path
    if number == 0:
        raise NotConvertible("There are no pictures in this series; take the original.")


def _films(archive: Archive, instances: list[images.Instance], folder: Path, stem: str) -> Iterator[Path]:
    """Make a film of every object with several frames, and one of single pictures that follow each other in one size."""
    _check_films(instances)
    began, number, pictures = time.monotonic(), 0, 0
    film: video.Film | None = None
    shown: tuple[str, tuple[int, int]] | None = None  # the object that has a film of its own, and the size
    try:
        for one in instances:
            own = one.uid if one.frames > 1 else ""
            for picture in _rendered(archive, one, began):
                if film is None or shown != (own, picture.size):
                    if film is not None:
                        yield film.close()
                    shown, number = (own, picture.size), number + 1
                    film = video.Film(folder / f"{stem}_{number:03d}.mp4", picture.size, _rate(archive, one))
                film.add(picture)
                pictures += 1
        if film is not None:
            yield film.close()
    finally:
        if film is not None:
            film.drop()
    if pictures < 2:
        raise NotConvertible("A film needs at least two pictures; take the series as PNG, or the original.")


def _check_films(instances: list[images.Instance]) -> None:
    if not video.is_installed():
        raise NoConverter("This archive makes no films; take the pictures as PNG, or the original.")
    frames = sum(one.frames for one in instances)
    if frames > MOST_FRAMES:
        raise ConversionTooLarge(
            f"At most {MOST_FRAMES} frames are made into films on the way; this series has {frames}."
        )
    pixels = sum((one.rows or 0) * (one.columns or 0) * one.frames for one in instances)
    if pixels > MOST_PIXELS:
        raise ConversionTooLarge(
            f"At most {MOST_PIXELS} pixels are made into films on the way; this series has {pixels}; take the original."
        )


def _rate(archive: Archive, one: images.Instance) -> Fraction:
    with archive.objects.open(one.digest) as source:
        return video.rate_of(dicom.read_dataset(source, pixels=False))


def _rendered(archive: Archive, one: images.Instance, began: float) -> Iterator[Image.Image]:
    """Yield the frames of an object as the PNGs show them; nothing of what is no picture."""
    for frame in range(1, one.frames + 1):
        if time.monotonic() - began > LONGEST_S:
            raise ConversionTooLarge(f"The film took longer than {LONGEST_S:.0f} s; take the original.")
        try:
            with archive.objects.open(one.digest) as source:
                content = dicom.render(source, frame, media="image/jpeg", quality=95)
        except InvivoError:  # because a report, or a frame that cannot be decoded, is no picture
            return
        with Image.open(io.BytesIO(content)) as picture:
            yield video.fitted(picture)
