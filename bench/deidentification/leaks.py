"""Is a planted identifier anywhere in the bytes of an output, in any character set, or in its name."""

import re
from pathlib import Path

from pydicom.dataset import Dataset

from bench.deidentification.answers import Planted
from bench.deidentification.reading import haystacks

_ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "latin-1", "iso8859-2", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8",
    "gb18030", "gbk", "euc-kr", "shift_jis", "euc-jp", "iso2022_jp", "cp1251", "cp1253",
)  # fmt: skip
_UID = re.compile(rb"\d[\d.]{12,63}")
_LONG = 9


class Searcher:
    """What to look for in the files of one patient; made once, used for all."""

    def __init__(self, planted: Planted, uids: frozenset[str], *, devices: bool) -> None:
        texts = set(planted.identifiers) | (set(planted.device) if devices else set())
        wanted = {text for text in texts | set(planted.dates) if len(text) >= 4 or not text.isascii()}
        self._uids = {uid.encode() for uid in uids}
        self._names = [text.lower() for text in wanted if text.isascii() and len(text) >= 6]
        parts: dict[bytes, str] = {}
        for text in wanted:
            for form in {text, text.upper(), text.lower(), text.title()}:
                for needle in _encoded(form):
                    parts[needle.lower()] = text
        self._texts = parts
        self._pattern = re.compile(b"|".join(_bounded(needle) for needle in sorted(parts, key=len, reverse=True)))
        long = [re.escape(needle) for needle in parts if len(needle) >= _LONG]
        self._in_pixels = re.compile(b"|".join(long)) if long else None

    def found(self, path: Path, dataset: Dataset | None, shown: str) -> set[str]:
        """Every identifier left in a file, or in the name under which it is shown."""
        rest, pixels = haystacks(path, dataset)
        found = {self._texts[match] for match in self._pattern.findall(rest.lower())}
        found |= {match.decode() for match in _UID.findall(rest) if match.rstrip(b".") in self._uids}
        if self._in_pixels is not None and pixels:
            found |= {self._texts[match] for match in self._in_pixels.findall(pixels.lower())}
        return found | {name for name in self._names if name in shown.lower()}


def _encoded(text: str) -> set[bytes]:
    found: set[bytes] = set()
    for encoding in _ENCODINGS:
        try:
            raw = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        if encoding == "iso2022_jp":
            raw = raw.removesuffix(b"\x1b(B")
        if len(raw) >= 4:
            found.add(raw)
    return found


def _bounded(needle: bytes) -> bytes:
    body = re.escape(needle)
    if needle.isdigit() or needle[:1].isdigit():
        return rb"(?<![\d.])" + body + rb"(?!\d)"
    if needle.isalpha() and len(needle) < 7:
        return rb"(?<![a-z])" + body + rb"(?![a-z])"
    return body
