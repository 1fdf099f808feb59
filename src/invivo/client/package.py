"""What is in a package of the archive: which files it lists, and how they get their names.

References
----------
APPNOTE.TXT 6.3.10: 4.3.7 local header, 4.5.3 ZIP64. RFC 8493 (BagIt): payload below ``data/``.
"""

import errno
import hashlib
import os
import struct
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from invivo.client.pace import Pace
from invivo.errors import Invalid

CHUNK = 1 << 20
LONGEST_LIST = 64 << 20
LIST = "manifest-sha256.txt"
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_one_writer = threading.Lock()
_BESIDE = ("LICENCE.txt", "README.txt", "licences.csv", "refused.csv")


class Corrupt(Invalid):
    """What came is not what the archive says it is."""

    code = "client.corrupt"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file on the disk: its path below the folder, its bytes and digest."""

    path: str
    size_bytes: int
    sha256: str


def names_of(text: str, is_bag: bool, into: str = "") -> dict[str, tuple[str, str]]:
    """Read a list of digests.

    Parameters
    ----------
    is_bag : bool
        Payload is below ``data/`` in the package, which is left out on the disk.
    into : str
        Folder for all of them instead of their own.

    Returns
    -------
    mapping of name in the package to (path below the folder, SHA-256)

    Raises
    ------
    Corrupt
        A line is none of such a list, or a name leads out of the folder.
    """
    found: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            raise Corrupt("The package's list of digests cannot be read; fetch it again.")
        path = name.removeprefix("data/") if is_bag else name
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or parts[0] in ("/", ".invivo") or "\\" in path or "\0" in path or ":" in path:
            raise Corrupt("The package holds a name that leads out of the folder.")
        found[name] = (f"{into}/{parts[-1]}" if into else path, digest)
    if len({path.lower() for path, _ in found.values()}) != len(found):
        raise Corrupt("The package holds two files of one name.")
    return found


def listed_at_head(part: Path, into: str = "") -> dict[str, tuple[str, str]] | None:
    """Return what the first bytes of a package list; None if the list is not among them."""
    is_bag = False
    with part.open("rb") as stream:
        for name, size in _entries(stream):
            is_bag = is_bag or name == "bagit.txt"
            if name == LIST:
                content = stream.read(size) if size <= LONGEST_LIST else b""
                return names_of(content.decode(), is_bag, into) if len(content) == size else None
            stream.seek(size, os.SEEK_CUR)
    return None


def _entries(stream: BinaryIO) -> Iterator[tuple[str, int]]:
    """Yield name and size of stored entries; the caller reads or skips their bytes."""
    while len(head := stream.read(_LOCAL.size)) == _LOCAL.size:
        mark, _, flags, method, _, _, _, _, size, name_length, extra_length = _LOCAL.unpack(head)
        if mark != b"PK\x03\x04" or method != 0 or flags & 9:
            return
        name, extra = stream.read(name_length), stream.read(extra_length)
        if size == 0xFFFFFFFF:
            if len(extra) < 12 or extra[:2] != b"\1\0":
                return
            size = int.from_bytes(extra[4:12], "little")
        yield name.decode("utf-8", "replace"), size


def is_here(folder: Path, kept: Kept) -> bool:
    """Return whether a file is on the disk with the right bytes."""
    path = folder / kept.path
    if not path.is_file() or (kept.size_bytes >= 0 and path.stat().st_size != kept.size_bytes):
        return False
    return sha256_of(path) == kept.sha256


def sha256_of(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def present(folder: Path, listed: Mapping[str, tuple[str, str]]) -> list[Kept] | None:
    """Return the files of a list if all of them are on the disk with the right bytes, else None."""
    found = []
    for path, digest in listed.values():
        if not is_here(folder, Kept(path, -1, digest)):
            return None
        found.append(Kept(path, (folder / path).stat().st_size, digest))
    return found


def unpack(part: Path, folder: Path, into: str, pace: Pace) -> list[Kept]:
    """Give the files of a package their names, each only when its bytes are right and on the disk.

    Raises
    ------
    Corrupt, zipfile.BadZipFile, OSError, Stopped
    """
    with zipfile.ZipFile(part) as package:
        inside = set(package.namelist())
        if LIST not in inside or package.getinfo(LIST).file_size > LONGEST_LIST:
            raise Corrupt("The package has no list of digests; fetch it again.")
        listed = names_of(package.read(LIST).decode("utf-8", "replace"), "bagit.txt" in inside, into)
        if not listed.keys() <= inside:
            raise Corrupt("The package lacks a file that its list names; fetch it again.")
        kept = []
        for name, (path, digest) in listed.items():
            pace.sleep(0)
            size = package.getinfo(name).file_size
            if not is_here(folder, Kept(path, size, digest)):
                _give_name(package, name, folder, path, digest)
            kept.append(Kept(path, size, digest))
        for name in sorted(inside):
            if name in _BESIDE or name.startswith("CITATION"):
                with _one_writer:
                    _write_beside(folder / PurePosixPath(name).name, package.read(name)[:LONGEST_LIST])
    return kept


def _give_name(package: zipfile.ZipFile, name: str, folder: Path, path: str, digest: str) -> None:
    target = folder.joinpath(*PurePosixPath(path).parts)
    if not target.resolve().is_relative_to(folder.resolve()):
        raise Corrupt("The package holds a name that leads out of the folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    growing, hashed = target.with_name(target.name + ".part"), hashlib.sha256()
    try:
        with package.open(name) as source, growing.open("wb") as out:
            while chunk := source.read(CHUNK):
                hashed.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if hashed.hexdigest() != digest:
            raise Corrupt("A file is not what the archive's digest says; fetch it again.")
        growing.replace(target)
    finally:
        growing.unlink(missing_ok=True)


def _write_beside(path: Path, content: bytes) -> None:
    """Add a text of a package to that of the packages before; what is there already is not written twice."""
    known = path.read_bytes() if path.exists() else b""
    if content in known or (path.name == "README.txt" and known):
        return
    if known and path.suffix == ".csv":
        lines = content.splitlines(keepends=True)
        content = b"".join(line for line in lines[1:] if line not in known)
    growing = path.with_name(f"{path.name}.part")
    growing.write_bytes(known + (b"\n" if known and path.suffix != ".csv" else b"") + content)
    growing.replace(path)


def is_full(error: OSError) -> bool:
    """Return whether an error says that the disk is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
