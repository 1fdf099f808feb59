"""Values that a collection's curators have taken out everywhere: what becomes of a cleaned object by them.

They stand beside the collection's rules, from a version on, and work on what the rules leave over: the values that curators see
in the report. So they work with every kind of rules, scripts too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag

from invivo import database, deidentification, dicom
from invivo.submissions.value import DEEPEST, NAMES, SHORT_TEXT, TEXTS, digest_of, name_of, text_of

# What tells whose object it is, how it is read, and what was done to it: never changed by a value.
PROTECTED = frozenset(
    {
        *("PatientID", "PatientName", "SpecificCharacterSet", "Modality", "PatientIdentityRemoved", "ImageType"),
        *("DeidentificationMethod", "LongitudinalTemporalInformationModified", "BurnedInAnnotation"),
        *("PhotometricInterpretation", "ValueType", "CodingSchemeDesignator", "CodeValue", "LossyImageCompression"),
    }
)
_DUMMIES = {"DA": "19000101", "TM": "000000", "DT": "19000101", "AS": "000Y", "UR": "about:blank"}
_MOST_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class ValueRule:
    """A value of an attribute, or a word in every text, and what becomes of it.

    Attributes
    ----------
    kind : {"value", "word"}
    path : str
        Of a value: the attribute, without item numbers.
    shown : str
        The value as it is shown, or the word.
    action : {"remove", "empty", "replace"}
    """

    id: int
    version: int
    kind: str
    path: str
    digest: bytes
    shown: str = field(repr=False)
    action: str
    replacement: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ValueRules:
    """The value rules of a collection that are in force, prepared for use."""

    by_digest: Mapping[bytes, ValueRule] = field(default_factory=dict)
    words: tuple[tuple[re.Pattern[str], ValueRule], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.by_digest or self.words)

    def fate(self, path: str, vr: str, text: str) -> tuple[str | None, ValueRule] | None:
        """What becomes of a value: the new text, None where the attribute goes; nothing at all where no rule speaks."""
        last, current = None, text
        for _ in range(_MOST_ROUNDS):
            rule = self.by_digest.get(digest_of(path, current))
            if rule is not None and (last is None or rule.id > last.id):
                last = rule
                if rule.action == "remove":
                    return None, rule
                current = rule.replacement if rule.action == "replace" else ""
                continue
            worded = self._without_words(vr, current)
            if worded is None:
                break
            current, last = worded
        return None if last is None else (current, last)

    def _without_words(self, vr: str, text: str) -> tuple[str, ValueRule] | None:
        if vr not in NAMES | SHORT_TEXT:
            return None
        last, current = None, text
        for pattern, rule in self.words:
            changed = pattern.sub(rule.replacement.replace("\\", ""), current)
            if changed != current:
                current, last = " ".join(changed.split(" ")), rule
        return None if last is None else (re.sub(r" {2,}", " ", current).strip(), last)


_COLUMNS = "id, version, kind, path, coalesce(digest, '') as digest, shown, action, replacement"


def value_rules_of(tx: database.Tx, collection_id: int) -> ValueRules:
    """Return the value rules of a collection that are in force."""
    return prepared(rules_list(tx, collection_id))


def rules_list(tx: database.Tx, collection_id: int) -> list[ValueRule]:
    """Return the value rules of a collection, oldest first, without those that were dropped."""
    found = tx.execute(
        f"select {_COLUMNS} from submissions.value_rule where collection_id = %s and dropped_at is null order by id",  # noqa: S608
        [collection_id],
    )
    return [
        ValueRule(one.id, one.version, one.kind, one.path, bytes(one.digest), one.shown, one.action, one.replacement)
        for one in found
    ]


def prepared(rules: Sequence[ValueRule]) -> ValueRules:
    """Rules ready for use."""
    words = tuple((word_pattern(one.shown), one) for one in rules if one.kind == "word")
    return ValueRules({one.digest: one for one in rules if one.kind == "value"}, words)


def word_pattern(word: str) -> re.Pattern[str]:
    """A word, whatever its case, that stands alone; names are parted by carets and underscores too."""
    return re.compile(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", re.IGNORECASE)


def finish(
    output: bytes, report: deidentification.FileReport, rules: ValueRules
) -> tuple[bytes, deidentification.FileReport]:
    """Take the values of rules out of a cleaned file, and write down where.

    Parameters
    ----------
    output : bytes
        The whole cleaned file.

    Returns
    -------
    (bytes, FileReport)
        The same ones where no rule speaks.

    Raises
    ------
    Invalid, TooLarge
        The file cannot be read.
    """
    if not rules:
        return output, report
    json = dicom.scan(BytesIO(output)).json
    sop_class = str((json.get("00080016", {}).get("Value") or [""])[0])
    found = list(_hits(json, rules, "", (), 0))
    if not found:
        return output, report
    dataset = dicom.read_dataset(BytesIO(output))
    actions = list(report.actions)
    for steps, path, vr, text, rule in reversed(found):
        code = _write(dataset, steps, path, vr, text, sop_class)
        actions.append(deidentification.Action(_numbered(steps), code, f"value cleaned everywhere, {rule.id}"))
    return dicom.written(dataset), replace(report, actions=tuple(actions))


_Step = tuple[int, int]
_Hit = tuple[tuple[_Step, ...], str, str, str | None, ValueRule]


def _hits(
    level: Mapping[str, Any], rules: ValueRules, prefix: str, steps: tuple[_Step, ...], depth: int
) -> Iterator[_Hit]:
    """Places (tags and item numbers), path, VR and new text of the values that rules speak of."""
    for key, element in level.items():
        tag, vr, values = int(key, 16), element.get("vr", ""), element.get("Value")
        if not values or tag >> 16 == 2:
            continue
        name = name_of(tag)
        path = prefix + name
        if vr == "SQ" and depth < DEEPEST:
            for number, item in enumerate(values):
                yield from _hits(item, rules, f"{path}.", (*steps, (tag, number)), depth + 1)
        elif vr in TEXTS and name not in PROTECTED:
            fate = rules.fate(path, vr, text_of(values, vr))
            if fate is not None:
                yield (*steps, (tag, 0)), path, vr, fate[0], fate[1]


def _numbered(steps: Sequence[_Step]) -> str:
    return (
        ".".join(f"{name_of(tag)}[{number}]" for tag, number in steps[:-1])
        + "." * (len(steps) > 1)
        + name_of(steps[-1][0])
    )


def _write(dataset: Dataset, steps: Sequence[_Step], path: str, vr: str, text: str | None, sop_class: str) -> str:
    """Give an attribute another text; None: remove it, unless the object's definition requires it. Return what was done."""
    needed = dicom.attribute_type(sop_class, tuple(path.split("."))) or ""
    if not text and needed.startswith("1"):
        text = _DUMMIES.get(vr, "REMOVED")
    elif text is None and needed.startswith("2"):
        text = ""
    level: Dataset = dataset
    for tag, number in steps[:-1]:
        # Sequences are handed out parsed; putting them back makes the changed items what is written.
        items: Items = level[tag].value
        level[tag] = DataElement(Tag(tag), "SQ", items)
        level = items[number]
    last = Tag(steps[-1][0])
    if text is None:
        del level[last]
        return "X"
    value: Any = None if not text else text.split("\\") if "\\" in text and vr not in {"LT", "ST", "UT", "UR"} else text
    level[last] = DataElement(last, vr, value, validation_mode=0)
    return "Z" if value is None else "D"
