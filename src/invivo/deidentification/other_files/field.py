"""What a column, a key or an attribute means, by its name and by its values."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from pydicom.datadict import dictionary_VR, tag_for_keyword

from invivo.deidentification import text_date
from invivo.deidentification.identifier import Trace
from invivo.deidentification.text import common_words
from invivo.deidentification.timestamp import capped_age

RULES = frozenset({"subject", "date", "birthdate", "age", "keep", "remove", "clean", "id", "uid"})
MISSING = frozenset({"", "n/a", "na", "nan", "none", "null", "-", "unknown", "unbekannt"})
UID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d{0,38})){5,30}")
SAMPLE = 200
_SUBJECT = frozenset(
    "patient patientid patid pid patno patientno patientnumber patientnr subject subjectid subjectno subjectnumber"
    " participant participantid mrn medicalrecordnumber proband probandid patienten patientenid patientennummer"
    " patientennr".split()
)
_BIRTH = frozenset(
    "birthdate dateofbirth dob birthday birth patientbirthdate patientsbirthdate birthtime geburtsdatum gebdatum gebdat"
    " geb geburtstag birthyear yearofbirth yob geburtsjahr patientbirthtime".split()
)
_REMOVE = frozenset(
    "patientname patientsname subjectname fullname personname surname lastname firstname middlename givenname familyname"
    " maidenname nickname forename family given initials vorname nachname familienname zuname geburtsname vollname"
    " physician doctor operator technologist radiologist referringphysician username loginname login author reader"
    " creator owner editor arzt aerztin befunder einweiser ueberweiser hausarzt behandler mother father spouse contact"
    " email mail emailaddress phone phonenumber telephone tel telefon telefonnummer mobile handy fax faxnumber address"
    " adresse anschrift street strasse city town ort wohnort stadt plz zip zipcode postcode postalcode county ssn"
    " socialsecuritynumber insurance insuranceno versichertennummer versicherungsnummer krankenkasse krankenversicherung"
    " ip ipaddress url website homepage hospital institution institutionname institutionaddress institutionaldepartmentname"
    " klinik krankenhaus stationname deviceserialnumber serialnumber serialno aetitle stationaetitle hostname computer"
    " responsibleperson licence licenseplate passport latitude longitude gps".split()
)
_ID = frozenset(
    "id accession accessionnumber accessionno accessionid orderid ordernumber caseid casenumber visitid encounterid"
    " encounter studyid sampleid specimenid requestid reportid fallnummer fallnr fallid aktenzeichen auftragsnummer"
    " auftragsnr untersuchungsnummer identifier recordid recordnumber chartnumber".split()
)
_DATE_WORDS = frozenset({"date", "datum", "datetime", "timestamp", "zeitpunkt", "zeitstempel"})
_AGE_WORDS = frozenset({"age", "alter", "ageyears", "agemonths", "agedays", "patientage", "patientsage"})
_TECHNICAL = frozenset({"version", "versions", "software", "softwareversions", "schema", "schemaversion"})
_PEOPLE = frozenset("patient subject person user physician doctor observer reader operator author".split())
_NAMES = frozenset("name names surname lastname firstname nachname vorname".split())
_REACH = frozenset(
    "email mail phone telephone telefon telefonnummer fax ssn zip zipcode plz postcode address adresse anschrift street"
    " strasse nachname vorname surname lastname firstname".split()
)
_OWNERS = frozenset("patient patients subject participant proband patienten mrn".split())
_COUNTED = frozenset("id ids identifier number no nr nummer num code mrn".split())
_AT_BIRTH = frozenset("weight length order gestation gestational gewicht place control rate".split())
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+|\d+")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
_CODE = re.compile(r"\d{7,}|[A-Za-z]{1,5}[-_]?\d{5,}|(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-Z0-9]{8,}")
_PERSON = re.compile(r"[^\W\d_]{3,30}(?:[\s,.^'’-]{1,3}[^\W\d_]{1,30}){0,4}\.?")
_AFTER_DATE = re.compile(
    r"[T ,]{0,2}(?:[0-2]?\d[:.]?[0-5]\d(?:[:.]?[0-6]\d(?:\.\d{1,9})?)?)?(?: ?[ap]m|Z|[+-]\d\d:?\d\d)?", re.I
)
_SERIAL_DAYS = range(20_000, 80_000)  # 1954 to 2119 as spreadsheets count
_OLDEST = {"month": 89 * 12 + 11, "week": 4695, "day": 32_872, "year": 89}


@lru_cache(maxsize=4096)
def rule_of(name: str, parent: str = "") -> str | None:  # noqa: PLR0911 - guards
    """The rule that a name asks for by itself: one of RULES or ``technical``; None where it says nothing."""
    words = _words(name)
    spoken = set(words)
    compact = "".join(words)
    for rule, names in (("birthdate", _BIRTH), ("subject", _SUBJECT), ("remove", _REMOVE), ("id", _ID)):
        if compact in names:
            return rule
    if _tells_birth(spoken):
        return "birthdate"
    by_standard = _rule_of_keyword(name)
    if by_standard is not None:
        return by_standard
    people = spoken & _PEOPLE or (compact in _NAMES and set(_words(parent)) & _PEOPLE)
    if spoken & _REACH or (people and spoken & _NAMES):
        return "remove"
    if words and words[-1] == "uid":
        return "uid"
    if spoken & _OWNERS and spoken & _COUNTED:
        return "subject"
    if words and ({words[-1], words[0]} & _DATE_WORDS or compact.endswith("datum")):
        return "date"
    if spoken & _AGE_WORDS:
        return "age"
    return "technical" if spoken & _TECHNICAL else None


def _tells_birth(spoken: set[str]) -> bool:
    is_told = spoken & {"birth", "dob", "born", "birthdate", "birthday"} or any(
        word.startswith(("geburtsd", "geburtst", "geburtsj", "geboren")) for word in spoken
    )
    return bool(is_told) and not spoken & _AT_BIRTH


def looks_identifying(values: Sequence[str]) -> bool:
    """Tell whether the values of a column look like dates, numbers of one's own, addresses or names of people."""
    seen = [value.strip() for value in values if value.strip().casefold() not in MISSING]
    seen = list(dict.fromkeys(seen))[:SAMPLE]
    if not seen:
        return False
    marked = sum(1 for value in seen if _is_marked(value))
    strange = sum(1 for value in seen if is_strange(value))
    return marked * 20 >= len(seen) or strange * 3 >= len(seen)


def is_strange(value: str) -> bool:
    """Tell whether a short text could be somebody's name: words only, and not one of them common."""
    if not _PERSON.fullmatch(value) or not set(value) - set("IVX "):
        return False
    return not any(word.casefold() in common_words() for word in re.findall(r"[^\W\d_]{3,}", value))


def strange_words(text: str, known: Iterable[str] = ()) -> bool:
    """Tell whether a text has a word of four letters or more that is neither common nor in a list."""
    allowed = set(known)
    return any(
        word.casefold() not in common_words() and word.casefold() not in allowed
        for word in re.findall(r"[^\W\d_]{4,}", text)
    )


def is_number(value: str) -> bool:
    """Tell whether a text is nothing but a number as programs write it."""
    return _NUMBER.fullmatch(value.strip()) is not None


def is_long_number(value: str) -> bool:
    """Tell whether a text is a whole number of seven digits or more, such as a record's."""
    return re.fullmatch(r"[-+]?\d{7,}", value.strip()) is not None


def moved_date(value: str, days: int) -> str | None:
    """A value that is a date (with a time or none), moved; None when it is none. Spreadsheets' day numbers too."""
    value = value.strip()
    if value.isdigit() and len(value) == 5 and int(value) in _SERIAL_DAYS:
        return str(int(value) + days)
    moved = text_date.moved(value, days)
    if moved is None:
        return None
    for cut in range(6, min(len(value), 20) + 1):
        if text_date.read(value[:cut]) is not None and _AFTER_DATE.fullmatch(value[cut:]):
            return moved
    return moved if text_date.read(value) is not None and len(value) <= 20 and value[-4:].isdigit() else None


def capped(value: str, name: str) -> str | None:
    """An age with everything over 89 years as 90 (in the unit that the name says); None when it is no age."""
    value = value.strip()
    whole = capped_age(value)
    if whole is not None:
        return whole
    if not is_number(value):
        return None
    plain = "".join(_words(name))
    unit = next((unit for unit in ("month", "week", "day") if unit in plain), "year")
    highest = _OLDEST[unit]
    return str(highest + 1) if float(value) >= highest + 1 else value


def traces_of_field(name: str, rule: str | None, value: str) -> list[Trace]:
    """What a field that is a name, an id or a birth date tells of somebody."""
    value = value.strip()
    if value.casefold() in MISSING or len(value) > 200:
        return []
    if rule == "birthdate":
        return [Trace(name, "date", value)]
    if rule in {"subject", "id"}:
        return [Trace(name, "id", value)]
    if rule == "remove":
        return [Trace(name, "id" if any(letter.isdigit() for letter in value) else "name", value)]
    return []


def _is_marked(value: str) -> bool:
    if UID.fullmatch(value) or _MAIL.fullmatch(value) or _CODE.fullmatch(value):
        return True
    return not is_number(value) and text_date.read(value) is not None


def _rule_of_keyword(name: str) -> str | None:
    tag = tag_for_keyword(name) if name.isascii() and name.isalnum() else None
    if tag is None:
        return None
    rules = {"PN": "remove", "UI": "uid", "DA": "date", "DT": "date", "AS": "age"}
    return rules.get(str(dictionary_VR(tag)))


def _words(name: str) -> list[str]:
    """The words of ``PatientName``, ``patient_name`` and ``Patient's name``, without accents, in lower case."""
    plain = unicodedata.normalize("NFKD", name.strip()[:200].replace("'s", "").replace("ß", "ss"))
    for umlaut, written in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        plain = plain.replace(unicodedata.normalize("NFKD", umlaut), written)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [word.casefold() for word in _WORDS.findall(plain)]
