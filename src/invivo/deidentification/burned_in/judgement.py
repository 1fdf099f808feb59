"""Whether a piece of read text identifies somebody, is clinical, or cannot be told."""

import re
from collections.abc import Callable, Sequence
from typing import Literal

from invivo.deidentification.burned_in.known import nearest, plain_words, words_of
from invivo.deidentification.burned_in.reading import Found

Verdict = Literal["identifying", "clinical", "unclear"]
Identifies = Callable[[str], bool]

_MONTH = (
    r"(?:jan(?:uar[iy]?y?)?|feb(?:ruar[iy]?y?)?|mar(?:ch|s)?|mär[zr]?|apr(?:il)?|ma[iy]|jun[ei]?|jul[iy]?|aug(?:ust)?"
    r"|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
_GAP = r"[-/. ,']{0,2}"
_DATES = (
    r"(?<!\d)(?:1[89]|20)\d\d[-/. ]{1,2}(?:0?[1-9]|1[0-2])[-/. ]{1,2}(?:[0-2]?\d|3[01])(?!\d)",
    r"(?<![\d.])(?:[0-2]?\d|3[01])[-/. ]{1,2}(?:[0-2]?\d|3[01])[-/. ]{1,2}(?:(?:1[89]|20)\d\d)(?!\d)",
    r"(?<![\d.])(?:[0-2]?\d|3[01])([-/.])(?:[0-2]?\d|3[01])\1\d\d(?![\d.])",
    r"(?<![\d.])(?:1[89]|20)\d\d([-/.])\d\d?\1\d\d?(?![\d.])",
    r"(?<![\d.])\d\d?([-/.])\d\d?\1(?:1[89]|20)\d\d(?!\d)",
    r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])",
    r"(?<!\d)(?:[0-2]\d|3[01])(?:[0-2]\d|3[01])(?:19|20)\d\d(?!\d)",
    rf"(?<!\d)[0-3]?\d(?:st|nd|rd|th)?{_GAP}{_MONTH}{_GAP}(?:\d{{4}}|\d\d)(?!\d)",
    rf"(?<![a-z]){_MONTH}{_GAP}[0-3]?\d(?:st|nd|rd|th)?{_GAP}(?:19|20)\d\d(?!\d)",
    rf"(?<![a-z]){_MONTH}{_GAP}(?:19|20)\d\d(?!\d)",
    rf"(?<!\d)(?:19|20)\d\d{_GAP}{_MONTH}(?![a-z])",
    r"(?<![\d.])(?:0?[1-9]|1[0-2])[/-](?:19|20)\d\d(?!\d)",
    r"(?<![\d:])[0-2]?\d[:.][0-5]\d[:.][0-5]\d(?![\d:])",
    r"(?<![\d:])[01]?\d:[0-5]\d ?[ap]\.?m(?![a-z])",
)
_LABELS = (
    r"(?<![a-z])(?:d\.? ?o\.? ?b|mrn|m\.r\.n|ssn|nhs|birth ?date|date of birth|geb(?:oren|\.|urts\w*)|born|surname)(?![a-z])",
    r"(?<![a-z])(?:(?:patient|pat|pt|last|first|given|family|full)?[ .']{0,2}(?:name|nom|nombre|nachname|vorname)"
    r"|patient|pat|pid|(?:pat|patient|study|case|visit|exam|record|chart)[ .]{0,2}(?:id|no|nr|#)|id|i\.d"
    r"|acc(?:ession)?(?:[ .]{0,2}(?:no|nr|num|number|#))?"
    r"|ref(?:erring)?(?:[ .]{0,2}(?:phys(?:ician)?|dr|md))?|phys(?:ician)?|doctor|arzt|operator|oper|sonographer"
    r"|tech(?:nologist)?|performed by|read by|tel|phone|fax|address|addr|street|inst(?:itution)?|site)[ .]{0,2}[:#=]",
    r"^\W*(?:(?:patient|pat)?[ .']{0,2}(?:name|id)|mrn|dob|pid|acc(?:ession)?|patient|pat|ref|physician)\W*$",
    r"(?<![a-z])(?:id|acc|accession|mrn|pid)[ .:#]{0,3}[a-z]{0,3}[-]?\d{3,}",
    r"(?<![a-z])(?:dr|prof|mr|mrs|ms|herr|frau)(?:\.|(?= [a-z]{2})) ?[a-z]",
)
_PLACES = (
    r"hospi|hôpital|ospedal|krankenhaus|spital|klinik|cl[ií]nic(?!al)|clinique|medical (?:cent|group|coll)|medicalcent"
    r"|health|institut|universit|(?<![a-z])univ\b|infirmary|praxis|imaging (?:cent|assoc)|radiology (?:cent|assoc|dep)"
    r"|(?<![a-z])(?:st|saint|sankt)\.? [a-z]{3}|foundation|academ|department|(?<![a-z])dept\b",
)
_NUMBERS = (
    r"\d{6,}",
    r"(?<![a-z\d])[a-z]{1,4}[-]?\d{5,}",
    r"\+\d{1,3}(?:[ ./()-]{0,2}\d){6,}",
    r"\(?\d{2,5}\)?[ ./-]\d{3,4}[ .-]\d{3,5}(?!\d)",
    r"(?<![\d.])\d{3}-\d{2}-\d{4}",
    r"(?<![\d.])\d{3}-\d{4}(?!\d)",
    r"[\w.+-]+@[\w-]+\.[a-z]{2,}",
    r"www\.|https?:",
)
_GENERIC = tuple(re.compile(pattern, re.I) for pattern in (*_DATES, *_LABELS, *_PLACES, *_NUMBERS))
_BARE = (re.compile(_LABELS[2], re.I), re.compile(rf"(?:{_LABELS[1]})\W*$", re.I))
_PLACE_WORDS = ("hospital", "klinikum", "universit", "institute", "medicalcenter", "krankenhaus")
_FIGURES = str.maketrans("OoQDIl|!SsBZz", "0000111155822")
_NEARLY_FIGURES = re.compile(r"(?<![^\W_])[\dOoQDIl|!SsBZz]{2,}(?![^\W_])")
_LETTERS = str.maketrans("0158", "OISB")
_NEARLY_LETTERS = re.compile(r"(?<![^\W_])(?=[a-z0158]*[a-z]{2})[a-z0158]{3}(?![^\W_])", re.I)
_PIECE = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
_NAME_MARK = re.compile(r"[^\W\d_]{2,}\s?[,^]\s?[^\W\d_]{1,}")
_ABBREVIATIONS = frozenset(
    "pa ap rt lt lat rao lao sl se hr ef fr supine prone erect lateral decub oblique mlo rmlo lmlo rcc lcc xccl lxccl rxccl rml lml flair tse fse haste mprage"
    " space vibe propeller blade dixon stir trufi fiesta spgr adc swi tof mip mpr axial coronal sagittal vmax vmin pslope"
    " tamax tamean dist circ area depth gain freq zoom harm thi cdfi pwd cwd pdi pene resp lvot mapse tapse lvid lvpw ivs"
    " grad mean peak velo doppler angle scale filter wall baseline power map gate size compr dyn range tgc fps frame"
    " thick slice scan kvp mas msec sec hz khz mhz bpm mmhg deg cine calc dia sys diam volume vol left right upper lower"
    " anterior posterior transverse longitudinal sag cor tra ax contrast post pre arterial venous delayed portal plain"
    " portable standing weight bearing internal external rotation inspiration expiration trans long short axis apical"
    " liver kidney spleen gallbladder pancreas bladder uterus ovary thyroid carotid aorta heart lung chest abdomen pelvis"
    " knee hip shoulder elbow wrist hand foot ankle spine skull brain head neck breast prostate dose total phantom body"
    " window level series image echo train flip matrix acq recon kernel standard soft bone detail fov snr nex avg".split()
)
_CONFIDENT = 0.5
_LEAST_NAME = 4
_LEAST_HIDDEN = 5
_FRAGMENT = 6  # so short a piece that touches an identifying one is a part of it


def judge(found: Found, identifies: Identifies, *, beside_identifying: bool = False) -> Verdict:
    """Judge one piece of text.

    Parameters
    ----------
    found : Found
    identifies : callable
        Whether a text holds something that the header knows, such as ``Known.finds``.
    beside_identifying : bool
        Whether identifying text stands on the same line, so that unknown words are its continuation.
    """
    text = found.text.strip()
    if not any(letter.isalnum() for letter in text):
        return "unclear"
    if identifies(text) or is_generic(text):
        return "identifying"
    unknown = _unknown_words(text)
    if not unknown:
        return "clinical"
    if beside_identifying or _looks_like_name(text, unknown, found.confidence):
        return "identifying"
    return "unclear"


def judge_all(found: Sequence[Found], identifies: Identifies) -> list[Verdict]:
    """Judge all pieces of text of a frame, each with regard to its line."""
    verdicts = [judge(one, identifies) for one in found]
    certain = [one for one, verdict in zip(found, verdicts, strict=True) if verdict == "identifying"]
    for place, one in enumerate(found):
        if verdicts[place] == "unclear" and any(_on_one_line(one, other, 6) for other in certain):
            verdicts[place] = judge(one, identifies, beside_identifying=True)
        elif verdicts[place] == "clinical" and _is_fragment(one, certain):
            verdicts[place] = "identifying"
    return verdicts


def _is_fragment(one: Found, certain: Sequence[Found]) -> bool:
    return len(one.text) <= _FRAGMENT and any(_on_one_line(one, other, 0.7) for other in certain)


def is_label(text: str) -> bool:
    """Tell whether a text is only the label of an identifying one, which should stand behind it."""
    return not any(letter.isdigit() for letter in text) and any(pattern.search(text) for pattern in _BARE)


def is_generic(text: str) -> bool:
    """Tell whether a text has the form of a date, a number of a person, an address, or the name of a hospital."""
    mended = _NEARLY_FIGURES.sub(_as_figures, text)
    mended = _NEARLY_LETTERS.sub(lambda found: found.group().translate(_LETTERS), mended)
    if any(pattern.search(text) or pattern.search(mended) for pattern in _GENERIC):
        return True
    letters = "".join(words_of(text))
    return len(letters) >= 7 and any(nearest(word, letters) <= 1 for word in _PLACE_WORDS)


def _as_figures(found: re.Match[str]) -> str:
    word = found.group()
    return word.translate(_FIGURES) if any(letter.isdigit() for letter in word) else word


def _on_one_line(one: Found, other: Found, letters: float) -> bool:
    """Whether two boxes stand side by side, no farther apart than so many letters are high."""
    middle = one.y + one.height / 2
    across = max(one.x - other.x - other.width, other.x - one.x - one.width)
    return other.y <= middle <= other.y + other.height and across < letters * max(one.height, other.height)


def _unknown_words(text: str) -> list[str]:
    """Words that are neither of medicine nor of daily English nor a short mark or unit."""
    return [word for word in _PIECE.findall(text) if not word[0].isdigit() and not _is_clinical(word)]


def _is_clinical(word: str) -> bool:
    if len(word) < 4:
        return True
    plain = "".join(words_of(word))
    if plain in _ABBREVIATIONS or plain in plain_words():
        return True
    if any(_is_word(plain[:place]) and _is_word(plain[place:]) for place in range(2, len(plain) - 1)):
        return True
    return len(plain) >= 5 and any(_differs_by_one(plain, other) for other in _ABBREVIATIONS)


def _is_word(part: str) -> bool:
    return part in _ABBREVIATIONS or (len(part) >= 4 and part in plain_words())


def _differs_by_one(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(longer) - len(shorter) <= 1 and nearest(shorter, longer) <= 1


def _looks_like_name(text: str, unknown: list[str], confidence: float) -> bool:
    """Capitals, a comma or a caret; of what was badly read, anything long enough to have been a name."""
    if _NAME_MARK.search(text):
        return True
    if confidence < _CONFIDENT:
        return sum(len(word) for word in unknown) >= _LEAST_HIDDEN
    return any(len(word) >= _LEAST_NAME and (word[0].isupper() or not word.isascii()) for word in unknown)
