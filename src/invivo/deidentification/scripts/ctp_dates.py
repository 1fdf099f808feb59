"""The arithmetic of CTP's functions on text: hashes, dates, ages, initials. All of it pure, none of it keyed."""

import base64
import calendar
import hashlib
import re
from datetime import date, timedelta

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_DICOM = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_WORDS = re.compile(r"[\^, ]+")
_LONGEST_UID = 64
_KEY_PADDING = "tszyihnnphlyeaglle"
_KEY_LETTERS = 22


def hash_number(text: str, digits: int | None = None) -> str:
    """MD5 of the UTF-8 text as a decimal number, or its first digits."""
    number = str(int.from_bytes(hashlib.md5(text.encode("utf-8"), usedforsecurity=False).digest(), "big"))
    return number if digits is None else number[:digits]


def hash_uid(root: str, text: str) -> str:
    """The UID that stands for another under a root."""
    number = hash_number(text)
    stem = root if not root or root.endswith(".") else root + "."
    return (stem + ("9" + number if number.startswith("0") else number))[:_LONGEST_UID]


def hash_name(text: str, digits: int, words: int | None) -> str:
    """The hash of a name, however it is written."""
    parts = text.split("^")
    joined = "^".join(parts if words is None else parts[:words])
    return hash_number(re.sub(r"[ ,'^.]", "", joined).upper(), digits)


def hash_days(text: str) -> int:
    """Days to go back for a subject: 1 to 3649."""
    return max(1, int(hash_number(text)[-4:]) % 3650)


def parse_date(text: str) -> date | None:
    """A date written YYYYMMDD, YYYY-MM-DD or M/D/YYYY; None when it is none."""
    american = _AMERICAN.fullmatch(text.strip())
    found = american or _ISO.fullmatch(text.strip()) or _DICOM.fullmatch(text.strip())
    if found is None:
        return None
    first, second, third = (int(number) for number in found.groups())
    try:
        return date(third, first, second) if american else date(first, second, third)
    except ValueError:
        return None


def shift_dates(text: str, days: int) -> str:
    """Every value moved by days; what follows the date stays. Empty when any is no date."""
    moved = []
    for value in map(str.strip, text.split("\\")):
        iso = _ISO.match(value)
        width = 10 if iso else 8
        day = parse_date(value[:width])
        if day is None:
            return ""
        try:
            new = day + timedelta(days=days)
        except OverflowError:
            return ""
        form = f"{new.year:04d}-{new.month:02d}-{new.day:02d}" if iso else dicom_date(new)
        moved.append(form + value[width:])
    return "\\".join(moved)


def dicom_date(day: date) -> str:
    """YYYYMMDD."""
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"


def modify_date(text: str, year: int | None, month: int | None, day: int | None) -> str:
    """A date with other parts, its day brought back into its month; empty when it is none."""
    found = parse_date(text[:8])
    if found is None:
        return ""
    new_year, new_month = year if year is not None else found.year, month if month is not None else found.month
    if not (1 <= new_year <= 9999 and 1 <= new_month <= 12):
        return ""
    last = calendar.monthrange(new_year, new_month)[1]
    return dicom_date(date(new_year, new_month, min(max(day if day is not None else found.day, 1), last)))


def round_age(text: str, step: int) -> str:
    """An age rounded to a multiple of step; empty when it has no number."""
    digits = re.sub(r"[^0-9]", "", text)
    if not digits:
        return ""
    letters = re.sub(r"[0-9\s]", "", text)
    rounded = f"{(2 * int(digits) + step) // (2 * step) * step}{letters}"
    return "0" + rounded if len(rounded) % 2 else rounded


def initials(text: str, offset: int = 0) -> str:
    """First letters of a name, the family's last, shifted within their class; X without any."""
    letters = [word[0] for word in _WORDS.split(text) if word]
    if not letters:
        return "X"
    joined = "".join([*letters[1:], letters[0]]).upper()
    return "".join(_shifted(letter, offset) for letter in joined)


def _shifted(letter: str, offset: int) -> str:
    for first, size in (("A", 26), ("0", 10)):
        if 0 <= ord(letter) - ord(first) < size:
            return chr((ord(letter) - ord(first) + offset) % size + ord(first))
    return letter


def path_element(text: str, at: int) -> str:
    """The part of a text between slashes; the whole text when there is no such part."""
    parts = text.split("/")
    place = at + len(parts) if at < 0 else at
    return parts[place] if 0 <= place < len(parts) else text


def truncate(text: str, size: int) -> str:
    """The first characters of a text, or the last ones of the trimmed text when size is negative."""
    return text[:size] if size >= 0 else text.strip()[size:]


def cipher_key(text: str) -> bytes:
    """The 128-bit key that a text stands for."""
    letters = re.sub(r"[^A-Za-z0-9+/]", "", text)
    while len(letters) < _KEY_LETTERS:
        letters += _KEY_PADDING
    return base64.b64decode(letters[:_KEY_LETTERS] + "==")
