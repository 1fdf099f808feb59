"""The functions of DicomEdit scripts. Each takes the run and its arguments as they were read, not yet as values."""

import hashlib
import re
import secrets
import uuid
from urllib.parse import quote

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from invivo.deidentification.scripts import dicomedit_dates as dates
from invivo.deidentification.scripts.dicomedit_path import Path
from invivo.deidentification.scripts.dicomedit_run import Fill, Rejected, Run, Value
from invivo.deidentification.scripts.dicomedit_signature import Signature
from invivo.deidentification.scripts.dicomedit_syntax import Expression, Values
from invivo.deidentification.scripts.refusal import failed

_PLACE = re.compile(r"'((?:[^']|'')*)'|\{(\d{1,3})\}|([{}'])")
_LABEL = re.compile(r"[^A-Za-z0-9_-]")
_TEXT_VRS = frozenset({"LO", "SH", "LT", "ST", "UT", "UC", "PN"})
_SHORTEST_NAME = 4
_UNKEYED = "A UID made without a secret key can be reversed for UIDs that are known."
_LAST = 10_000
_EDGES = {"l": "left", "t": "top", "r": "right", "b": "bottom"}


def _text(run: Run, argument: Expression) -> str | None:
    value = run.value(argument)
    return None if value is None else run.text(value)


def _needed(run: Run, argument: Expression) -> str:
    return run.text(run.value(argument))


def _whole(run: Run, argument: Expression) -> int:
    text = _needed(run, argument).strip()
    if not re.fullmatch(r"[+-]?\d{1,12}", text, re.ASCII):
        raise failed("value", f"Line {run.line} of the script needs a whole number.")
    return int(text)


def _paths(argument: Expression) -> list[Path]:
    return [inner for inner in argument.values if isinstance(inner, Path)] if isinstance(argument, Values) else []


def concatenate(run: Run, *arguments: Expression) -> Value:
    """Joined text, lists flattened."""

    def joined(value: Value) -> str:
        return "".join(map(joined, value)) if isinstance(value, list) else run.text(value)

    return "".join(joined(run.value(argument)) for argument in arguments)


def format_text(run: Run, pattern: Expression, *arguments: Expression) -> Value:
    """Java's MessageFormat: ``{n}`` places; a single quote is doubled."""
    values = [_needed(run, argument) for argument in arguments]

    def filled(found: re.Match[str]) -> str:
        if found[2] is not None and int(found[2]) < len(values):
            return values[int(found[2])]
        if found[1] is None:
            raise failed("value", f"Line {run.line} of the script has a pattern that cannot be filled.")
        return found[1].replace("''", "'") or "'"

    return _PLACE.sub(filled, _needed(run, pattern))


def lowercase(run: Run, value: Expression) -> Value:
    """Small letters."""
    text = _text(run, value)
    return None if text is None else text.lower()


def uppercase(run: Run, value: Expression) -> Value:
    """Capital letters."""
    text = _text(run, value)
    return None if text is None else text.upper()


def substring(run: Run, value: Expression, begin: Expression, end: Expression) -> Value:
    """Characters from ``begin`` up to, not including, ``end``."""
    text = _text(run, value)
    if text is None:
        return None
    first, last = _whole(run, begin), _whole(run, end)
    if not 0 <= first <= last <= len(text):
        raise failed("value", f"Line {run.line} of the script takes a piece that a value does not have.")
    return text[first:last]


def replace(run: Run, value: Expression, find: Expression, new: Expression) -> Value:
    """Every literal occurrence replaced."""
    text, wanted, other = _text(run, value), _needed(run, find), _needed(run, new)
    if text is None or not wanted:
        return text
    if text.count(wanted) * len(other) > 1_000_000:
        raise failed("value", f"Line {run.line} of the script makes a value that is too long.")
    return text.replace(wanted, other)


def match(run: Run, value: Expression, pattern: Expression, group: Expression) -> Value:
    """A group of the first place where the expression is found; nothing when it is not."""
    text, number, wanted = _text(run, value), _whole(run, group), run.pattern(_needed(run, pattern))
    found = None if text is None else wanted.search(text)
    if not 0 <= number <= wanted.compiled.groups:
        raise failed("value", f"Line {run.line} of the script names a group that its expression does not have.")
    return None if found is None else found[number]


def is_match(run: Run, value: Expression, pattern: Expression) -> Value:
    """Whether the whole value matches."""
    text = _text(run, value)
    return text is not None and run.pattern(_needed(run, pattern)).matches(text)


def is_present(run: Run, *paths: Path) -> Value:
    """Whether all the elements exist."""
    return all(path.find(run.tree) for path in paths)


def normalize(run: Run, value: Expression, replacement: Expression | None = None) -> Value:
    """A text fit for a label."""
    text = _text(run, value)
    other = "_" if replacement is None else _needed(run, replacement)
    return None if text is None else _LABEL.sub(lambda _found: other, text)


def hashed_uid(text: str) -> str:
    """``2.25.`` and the version-5 UUID of a text without a namespace."""
    digest = hashlib.sha1(text.encode("utf-8"), usedforsecurity=False).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"


def hash_uid(run: Run, value: Expression) -> Value:
    """The hashed UID; nothing for nothing."""
    text = _text(run, value)
    return None if text is None else "\\".join(hashed_uid(part) if part else "" for part in text.split("\\"))


def _each(run: Run, path: Path) -> list[tuple[Dataset, int, str]]:
    """Elements with text that a path means; private creators and sequences are left alone."""
    found = []
    for dataset, tag in path.find(run.tree):
        is_creator = tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF
        text = run.tree.text(dataset, tag)
        if text and not is_creator:
            found.append((dataset, tag, text))
    return found


def hash_uid_list(run: Run, *paths: Path) -> Value:
    """Hashed UIDs in place."""
    for path in paths:
        for dataset, tag, text in _each(run, path):
            new = "\\".join(hashed_uid(part) if part else "" for part in text.split("\\"))
            run.tree.write(dataset, tag, new, run.line, "U")
    return None


def new_uid(_run: Run) -> Value:
    """A random UID."""
    return f"2.25.{uuid.UUID(bytes=secrets.token_bytes(16), version=4).int}"


def _mapped(run: Run, prefix: str, text: str) -> str:
    if run.numbers is None:
        raise failed("numbers", "The script maps UIDs, and there is no place to keep them.")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*\.?", prefix, re.ASCII) or len(prefix) > 40:
        raise failed("value", f"Line {run.line} of the script has a prefix that is no UID.")
    numbers = run.numbers
    return "\\".join(numbers.uid(prefix.rstrip("."), part) if part else "" for part in text.split("\\"))


def map_uid(run: Run, value: Expression, prefix: Expression) -> Value:
    """A random UID under a prefix, the same for the same value."""
    text = _text(run, value)
    return None if text is None else _mapped(run, _needed(run, prefix), text)


def map_referenced(run: Run, prefix: Expression, *paths: Path) -> Value:
    """The same in place."""
    stem = _needed(run, prefix)
    for path in paths:
        for dataset, tag, text in _each(run, path):
            run.tree.write(dataset, tag, _mapped(run, stem, text), run.line, "U")
    return None


def _shift(run: Run, text: str, amount: int, unit: str, *, only_dates: bool) -> str:
    if unit.lower() not in dates.UNITS:
        raise failed("value", f"Line {run.line} of the script has an unknown unit of time.")
    moved = dates.shift(text, amount, unit, only_dates=only_dates)
    if moved is None:
        raise failed("date", f"Line {run.line} of the script shifts a value that is no date.")
    return moved


def shift_date(run: Run, value: Expression, amount: Expression, unit: Expression | None = None) -> Value:
    """A date shifted, by days unless told otherwise."""
    text = _text(run, value)
    wanted = "days" if unit is None else _needed(run, unit)
    return text if not text else _shift(run, text, _whole(run, amount), wanted, only_dates=True)


def shift_time(run: Run, value: Expression, amount: Expression, unit: Expression | None = None) -> Value:
    """A date or date and time shifted, by seconds unless told otherwise."""
    text = _text(run, value)
    wanted = "seconds" if unit is None else _needed(run, unit)
    return text if not text else _shift(run, text, _whole(run, amount), wanted, only_dates=False)


def _shift_all(run: Run, paths: list[Path], amount: int, unit: str) -> None:
    for path in paths:
        for dataset, tag, text in _each(run, path):
            new = _shift(run, text, amount, unit, only_dates=False)
            run.tree.write(dataset, tag, new, run.line, "C")


def shift_sequence(run: Run, amount: Expression, *paths: Path) -> Value:
    """Shifted in place by seconds."""
    _shift_all(run, list(paths), _whole(run, amount), "seconds")
    return None


def shift_list(run: Run, paths: Expression, amount: Expression, unit: Expression) -> Value:
    """Shifted in place."""
    _shift_all(run, _paths(paths), _whole(run, amount), _needed(run, unit))
    return None


def scale_age(run: Run) -> Value:
    """Ages over 89 become 089Y, and the birth dates of people older than that move."""
    tree = run.tree
    study = tree.text(tree.dataset, 0x00080020) or ""
    births = [place for place in tree.everything() if place[1] == 0x00100030]
    if any(dates.is_old(tree.text(*place) or "", study) for place in births):
        born = dates.birth_for(study)
        for dataset, tag in births:
            tree.write(dataset, tag, born or "", run.line, "C")
    for dataset, tag in [place for place in tree.everything() if place[1] == 0x00101010]:
        age = re.fullmatch(r"(\d{3})Y", (tree.text(dataset, tag) or "").strip(), re.ASCII)
        if age and int(age[1]) > 89:
            tree.write(dataset, tag, "089Y", run.line, "C")
    return None


def look_up(run: Run, keytype: Expression, key: Expression) -> Value:
    """An entry of the table; nothing without it."""
    text, kind = _text(run, key), _needed(run, keytype)
    if text is None or run.lookup is None:
        return None
    return run.lookup.find(kind, text.strip())


def collect(run: Run, paths: Expression) -> Value:
    """The values of all elements that match."""
    return [text for path in _paths(paths) for _, _, text in _each(run, path)]


def blank_values(run: Run, values: Expression) -> Value:
    """Empty every element whose value, or one of whose values, is one of these; cut them out of longer texts too."""
    wanted: set[str] = set()
    for inner in values.values if isinstance(values, Values) else (values,):
        if isinstance(inner, Path):
            wanted.update(text for _, _, text in _each(run, inner))
        else:
            _gather(run, run.value(inner), wanted)
    wanted = {text.strip() for text in wanted if text.strip()}
    if not wanted:
        return None
    longer = sorted((text for text in wanted if len(text) >= _SHORTEST_NAME), key=len, reverse=True)
    inside = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longer)) + r")(?!\w)") if longer else None
    for dataset, tag in list(run.tree.everything()):
        if tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF:
            continue
        text = run.tree.text(dataset, tag)
        if not text:
            continue
        if text.strip() in wanted or any(part.strip() in wanted for part in text.split("\\")):
            run.tree.write(dataset, tag, "", run.line)
        elif inside and run.tree.level(dataset).vr(tag, run.tree.level(dataset).element(tag)) in _TEXT_VRS:
            cut = inside.sub("", text)
            if cut != text:
                run.tree.write(dataset, tag, cut, run.line, "C")
    return None


def _gather(run: Run, value: Value, wanted: set[str]) -> None:
    for inner in value if isinstance(value, list) else [value]:
        if isinstance(inner, list):
            _gather(run, inner, wanted)
        elif inner is not None:
            wanted.add(run.text(inner))


def remove_tags(run: Run, paths: Expression) -> Value:
    """Delete everything that matches."""
    for path in _paths(paths):
        for dataset, tag in path.find(run.tree):
            run.tree.delete(dataset, tag, run.line)
    return None


def set_direct(run: Run, path: Path, value: Expression) -> Value:
    """Set one element."""
    text = _needed(run, value)
    found = path.find(run.tree) or [run.make(path.parts)]
    run.tree.write(*found[0], text, run.line)
    return None


def delete_direct(run: Run, path: Path) -> Value:
    """Delete one element."""
    for dataset, tag in path.find(run.tree):
        run.tree.delete(dataset, tag, run.line)
    return None


def retain_private(run: Run, *paths: Path) -> Value:
    """Keep the private elements that match and what they need; delete all others, and what is then empty."""
    tree = run.tree
    kept: set[tuple[int, int]] = set()
    for path in paths:
        for dataset, tag in path.find(tree):
            kept.add((id(dataset), tag))
            for item in tree.items(dataset, tag):
                kept |= {(id(inner), inner_tag) for inner, inner_tag in _below(run, item)}
    private = [place for place in tree.everything() if place[1] & 0x10000]
    for dataset, tag in private:
        is_creator = 0x10 <= tag & 0xFFFF <= 0xFF
        needed = is_creator and any(
            (id(dataset), other) in kept and other >> 16 == tag >> 16 and (other & 0xFF00) >> 8 == tag & 0xFF
            for other in tree.tags(dataset)
        )
        if (id(dataset), tag) not in kept and not needed:
            tree.delete(dataset, tag, run.line)
    return None


def _below(run: Run, dataset: Dataset) -> list[tuple[Dataset, int]]:
    found = []
    waiting = [dataset]
    while waiting:
        inner = waiting.pop()
        for tag in run.tree.tags(inner):
            found.append((inner, tag))
            element = run.tree.level(inner).element(tag)
            if element is not None and isinstance(element.value, Items):
                waiting.extend(run.tree.items(inner, tag))
    return found


def alter_pixels(run: Run, *arguments: Expression) -> Value:
    """Ask the pixel stage for a filled rectangle."""
    shape, edges, filler, colour = (_needed(run, argument) for argument in arguments)
    if shape.lower() != "rectangle" or filler.lower() != "solid":
        raise failed("pixels", "The script asks for a shape or filler that is not known.")
    found = _settings(run, edges, _EDGES)
    colours = _settings(run, colour, {"v": "v", "r": "red", "g": "green", "b": "blue"})
    if set(found) != {"left", "top", "right", "bottom"} or set(colours) not in ({"v"}, {"red", "green", "blue"}):
        raise failed("pixels", "The script describes a rectangle or colour incompletely.")
    shades = (colours["v"],) if "v" in colours else (colours["red"], colours["green"], colours["blue"])
    left, top, right, bottom = found["left"], found["top"], found["right"], found["bottom"]
    if left > right or top > bottom:
        raise failed("pixels", "The script describes a rectangle whose edges are crossed.")
    run.fills.append(Fill(left, top, right, bottom, shades))
    return None


def _settings(run: Run, text: str, names: dict[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        full = names.get(name.strip().lower(), name.strip().lower())
        if full not in names.values() or full in found or not re.fullmatch(r"\s*\d{1,6}\s*", value, re.ASCII):
            raise failed("pixels", f"Line {run.line} of the script describes a rectangle or colour wrongly.")
        found[full] = int(value)
    return found


def reject(run: Run, condition: Expression | None = None) -> Value:
    """Drop the object."""
    if condition is None or run.value(condition) in {True, "true"}:
        raise Rejected
    return None


def url_encode(run: Run, value: Expression) -> Value:
    """Percent encoding."""
    text = _text(run, value)
    return None if text is None else quote(text, safe="")


def _never(_run: Run, *_arguments: Expression) -> Value:
    raise failed("refused", "The script calls what cannot be called.")


_NO_NETWORK = "getURL calls out of the network, which scripts may not do here."
FUNCTIONS: dict[str, Signature] = {
    "concatenate": Signature(concatenate, 1, _LAST, in_old=True),
    "format": Signature(format_text, 1, _LAST, in_old=True),
    "lowercase": Signature(lowercase, 1, 1, in_old=True),
    "uppercase": Signature(uppercase, 1, 1, in_old=True),
    "substring": Signature(substring, 3, 3, ("value", "whole"), in_old=True),
    "replace": Signature(replace, 3, 3, in_old=True),
    "match": Signature(match, 3, 3, ("value", "pattern", "whole"), in_old=True),
    "ismatch": Signature(is_match, 2, 2, ("value", "pattern")),
    "isPresent": Signature(is_present, 1, _LAST, ("single",)),
    "true": Signature(lambda _run: True, 0, 0),
    "false": Signature(lambda _run: False, 0, 0),
    "normalizeString": Signature(normalize, 1, 2),
    "hashUID": Signature(hash_uid, 1, 1, in_old=True, warning=_UNKEYED),
    "hashUIDList": Signature(hash_uid_list, 1, _LAST, ("path",), warning=_UNKEYED),
    "newUID": Signature(new_uid, 0, 0, in_old=True, warning="A random UID breaks the references to the object."),
    "mapUID": Signature(map_uid, 2, 2),
    "mapReferencedUIDs": Signature(map_referenced, 2, _LAST, ("value", "quoted")),
    "shiftDateByIncrement": Signature(shift_date, 2, 3, ("value", "whole", "value")),
    "shiftDateTimeByIncrement": Signature(shift_time, 2, 3, ("value", "whole", "value")),
    "shiftDateTimeSequenceByIncrement": Signature(shift_sequence, 2, _LAST, ("whole", "quoted")),
    "shiftDateTimeListByIncrement": Signature(shift_list, 3, 3, ("list", "whole", "value")),
    "scalePatientAgeAndDobFromStudyDate": Signature(scale_age, 0, 0),
    "lookup": Signature(look_up, 2, 2, looks_up=True),
    "getURL": Signature(_never, 0, _LAST, in_old=True, refusal=_NO_NETWORK),
    "collectValues": Signature(collect, 1, 1, ("list",)),
    "blankValues": Signature(blank_values, 1, 1, ("values",)),
    "removeTags": Signature(remove_tags, 1, 1, ("list",)),
    "set": Signature(set_direct, 2, 2, ("direct", "value")),
    "delete": Signature(delete_direct, 1, 1, ("direct",)),
    "retainPrivateTags": Signature(retain_private, 1, _LAST, ("private",)),
    "alterPixels": Signature(alter_pixels, 4, 4),
    "reject": Signature(reject, 0, 1),
    "urlEncode": Signature(url_encode, 1, 1, in_old=True),
}
OLD_FUNCTIONS = {name: signature for name, signature in FUNCTIONS.items() if signature.in_old}
