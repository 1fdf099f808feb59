"""The rules by which everybody computes the same codes from the same personal data: fields, letters, combinations, hash.

Nothing of this may change within a version: the codes of people entered years ago would not be found any more. The
submitter's side computes with these rules (room ``client`` and the page's script); the archive only gives them out.
"""

from collections.abc import Iterable
from typing import Any

VERSION = 1
# PBKDF2, since it is the one slow function that both Python's standard library and a browser's WebCrypto have: with argon2
# the page would need a foreign program in the browser. OWASP asks for 210,000 iterations of SHA-512; these are 600,000.
HASH, ITERATIONS, CODE_BYTES = "SHA-512", 600_000, 32

# What each code is made of. `full` decides alone; the others tolerate one mistake or change each.
COMBINATIONS: dict[str, tuple[str, ...]] = {
    "full": ("given_name", "middle_name", "family_name", "sex", "birth_date", "birth_city", "birth_country"),
    "names": ("given_name", "family_name", "birth_date", "birth_country"),
    "family": ("given_name", "middle_name", "sex", "birth_date", "birth_city", "birth_country"),
    "given": ("middle_name", "family_name", "sex", "birth_date", "birth_city", "birth_country"),
    "date": ("given_name", "middle_name", "family_name", "sex", "birth_year", "birth_city", "birth_country"),
    "document": ("government_id", "government_id_country", "sex", "birth_date"),
    "mother": ("given_name", "sex", "birth_date", "mother_given_name", "mother_family_name"),
    "mother_day": ("given_name", "sex", "birth_date", "mother_given_name", "mother_birthday"),
    "father": ("given_name", "sex", "birth_date", "father_given_name", "father_family_name"),
    "father_day": ("given_name", "sex", "birth_date", "father_given_name", "father_birthday"),
}
BASE = ("full", "names", "family", "given", "date")
# Marks that are taken off after Unicode's compatibility decomposition (NFKD): accents, points of Hebrew, vowel signs of
# Arabic, modifier letters such as the apostrophe U+02BC. Signs of Indic and East Asian scripts stay: they are no ornament.
MARKS = r"[\u02b0-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_VOICELESS = "(?=[θκξπσςτφχψ]|$)"
# Greek letters that sound together (ELOT 743, as on passports), in this order, before single letters.
SEQUENCES: tuple[tuple[str, str], ...] = (
    ("ου", "ou"),
    ("γγ", "ng"),
    ("γξ", "nx"),
    ("γχ", "nch"),
    (f"αυ{_VOICELESS}", "af"),
    (f"ευ{_VOICELESS}", "ef"),
    (f"ηυ{_VOICELESS}", "if"),
    ("αυ", "av"),
    ("ευ", "ev"),
    ("ηυ", "iv"),
    ("^μπ|μπ$", "b"),
)
_LATIN = "ß ss æ ae œ oe ø o å a ł l đ d ð d þ th ı i ħ h ŋ n ə a"
_GREEK = "α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p ρ r σ s ς s τ t υ y φ f χ ch ψ ps ω o"
# ICAO Doc 9303, part 3, section 6 B: as on passports.
_CYRILLIC = (
    "а a б b в v г g ґ g д d ђ d е e є ie ж zh з z ѕ dz и i і i ј j к k л l љ lj м m н n њ nj о o п p р r с s т t ћ c "
    "у u ф f х kh ц ts ч ch џ dz ш sh щ shch ъ ie ы y э e ю iu я ia"
)


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


LETTERS: dict[str, str] = _pairs(f"{_LATIN} {_GREEK} {_CYRILLIC}") | {"ь": ""}
# At the end, so that Müller, Mueller and Muller are one: each once, in this order, from the left.
DIGRAPHS: tuple[tuple[str, str], ...] = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))
SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "x": "X", "intersex": "X"}
# ISO 3166-1 alpha-2.
COUNTRIES = frozenset(
    (
        "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF "
        "CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH "
        "GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW "
        "KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG "
        "NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN "
        "SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT "
        "ZA ZM ZW"
    ).split()
)


def guid_rules() -> dict[str, Any]:
    """Return the rules as plain values, as the page's script and other programs take them."""
    return {
        "version": VERSION,
        "function": "PBKDF2",
        "hash": HASH,
        "iterations": ITERATIONS,
        "code_bytes": CODE_BYTES,
        "combinations": {name: list(parts) for name, parts in COMBINATIONS.items()},
        "required": list(BASE),
        "marks": MARKS,
        "sequences": [list(one) for one in SEQUENCES],
        "letters": LETTERS,
        "digraphs": [list(one) for one in DIGRAPHS],
        "sexes": SEXES,
        "countries": sorted(COUNTRIES),
    }


def compared_fields(agreeing: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the fields that agree for sure when some combinations do, and the required ones that may not.

    Examples
    --------
    >>> compared_fields(["names"])[1]
    ['middle_name', 'sex', 'birth_city']
    """
    same = list(dict.fromkeys(part for name in agreeing for part in COMBINATIONS.get(name, ())))
    return same, [part for part in COMBINATIONS["full"] if part not in same]
