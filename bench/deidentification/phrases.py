"""Free text in which identifiers stand among useful words, with the key of which must go and which must stay."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from bench.deidentification.people import COMMON, Person, digits, name_groups, surname
from bench.deidentification.vocabulary import EXAMS, FINDINGS

_MONTHS = "January February March April May June July August September October November December".split()
_TEMPLATES = (
    "{exam} for {name} {date} {finding}, call {phone}",
    "{name} MRN {id}: {exam}, {finding}",
    "{exam} {finding} ref Dr. {physician}",
    "{finding}; compare with study of {date}, accession {accession}",
    "Patient {name} (born {birth}) presents with {finding}",
    "{exam} at {institution} on {date}: {finding}",
    "{finding} discussed with {name} at {address}, mail {email}",
    "{exam}, id {id}, {finding}",
    "{exam} {finding} SSN {ssn}",
    "{finding}, images at {url}",
    "{given} has {finding}; {family}'s {exam} of {date}",
    "{finding} Tech: {operator}",
    "{finding}, call back {phone2}",
)
_PHONES = ("(555) {}-{}", "+1 555 {} {}", "555.{}.{}", "555 {} {}", "+49 30 {}{}")
_NAMES = ("name", "given", "family", "doctor", "relative", "operator", "physician")
_OF_STRANGERS = (
    "{finding}. Reported by Dr. {doctor} on {date}",
    "{finding} explained to wife {relative}, phone {phone2}",
    "Dictated: {doctor} MD, {date} 14:33. {finding}",
)
_SHORT = ("{exam} {name}", "{finding} {id}", "{exam} {date}")
_BRIEF = ("{name}", "{id}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text with the words that must go from it and those that must stay."""

    text: str
    go: tuple[str, ...]
    stay: tuple[str, ...]


def dates(day: date) -> tuple[str, ...]:
    """A day in ten writings and one more."""
    month = _MONTHS[day.month - 1]
    return (
        day.strftime("%Y%m%d"),
        day.strftime("%Y-%m-%d"),
        day.strftime("%d/%m/%Y"),
        day.strftime("%m/%d/%Y"),
        day.strftime("%d.%m.%Y"),
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{day.day:02d}-{month[:3].upper()}-{day.year}",
        day.strftime("%Y/%m/%d"),
        f"{month[:3]} {day.day} {day.year}",
        f"{day.month}/{day.day}/{day.year % 100:02d}",
    )


def written(day: date, chance: Random) -> str:
    """A day in one of the writings."""
    return chance.choice(dates(day))


def name_forms(one: Person) -> list[str]:
    """How a name stands in text."""
    forms = [f"{one.given} {one.family}", f"{one.family}, {one.given}", f"{one.family}^{one.given}"]
    forms.append(f"{one.family.upper()} {one.given.upper()}")
    groups = name_groups(one.name)
    if len(groups) > 1:
        forms.append("".join(groups[1]))
    return forms


def phrase(chance: Random, one: Person, modality: str, longest: int = 10240, *, strangers: bool = True) -> Phrase:
    """Compose a text of at most ``longest`` characters; strangers are people whom no header names."""
    long = (*_TEMPLATES, *_OF_STRANGERS) if strangers else _TEMPLATES
    templates = long if longest > 64 else (*long, *_SHORT) if longest > 16 else _BRIEF
    for _ in range(40):
        made = _filled(chance, one, modality, chance.choice(templates))
        if len(made.text) <= longest and len(made.text.encode("utf-8")) <= max(longest, 64):
            return made
    exam = chance.choice(EXAMS.get(modality, EXAMS["CT"]))[:longest].strip()
    return Phrase(exam, (), tuple(exam.split()))


def useful(chance: Random, modality: str, longest: int = 64) -> str:
    """A text without identifiers."""
    return chance.choice(EXAMS.get(modality, EXAMS["CT"]))[:longest].strip()


def finding(chance: Random) -> str:
    """A finding alone."""
    return chance.choice(FINDINGS)


def _filled(chance: Random, one: Person, modality: str, template: str) -> Phrase:
    day = one.study - timedelta(days=chance.randrange(0, 200))
    name, physician = chance.choice(name_forms(one)), name_groups(one.physician)[0]
    exam, what = chance.choice(EXAMS.get(modality, EXAMS["CT"])), chance.choice(FINDINGS)
    stay = [
        word.strip(",;:") for part in (exam, what) if "{" + _part(part, exam) + "}" in template for word in part.split()
    ]
    slots = {
        "name": name,
        "date": written(day, chance),
        "phone": one.phone,
        "phone2": chance.choice(_PHONES).format(digits(chance, 3), digits(chance, 4)),
        "ssn": f"{digits(chance, 3)}-{digits(chance, 2)}-{digits(chance, 4)}",
        "url": f"https://pacs.{surname(chance).lower()}.example/view?acc={digits(chance, 6)}",
        "doctor": surname(chance),
        "relative": f"{surname(chance)} {surname(chance)}",
        "given": one.given,
        "family": one.family,
        "operator": name_groups(one.operator)[0][0],
        "id": one.patient_id,
        "physician": physician[0],
        "accession": one.accession,
        "birth": written(one.birth, chance),
        "institution": one.institution,
        "address": one.address,
        "email": one.email,
    }
    lowered = {word.lower() for word in stay}
    go: list[str] = []
    for slot, value in slots.items():
        if "{" + slot + "}" in template:
            go += _parts(slot, value, lowered)
    # The eponym of a patient's own name cannot be told from the name: it is asked neither way.
    own = {one.family.lower(), one.given.lower()}
    stay = [word for word in stay if word.lower() not in own and word.isascii()]
    return Phrase(template.format(exam=exam, finding=what, **slots), tuple(go), tuple(stay))


def _part(part: str, exam: str) -> str:
    return "exam" if part is exam else "finding"


def _parts(slot: str, value: str, lowered: set[str]) -> list[str]:
    if slot not in _NAMES:
        return [value]
    words = [word for word in value.replace("^", " ").replace(",", " ").split() if word.lower() not in lowered]
    alone = [word for word in words if len(word) >= 4 or not word.isascii() or word.capitalize() in COMMON]
    return [value, *alone] if value.lower() not in lowered else alone
