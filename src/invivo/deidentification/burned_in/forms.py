"""Forms of text that identify whoever it is: dates, times of day, ages, labels, numbers, places, addresses."""

import re

from invivo.deidentification.burned_in.vocabulary import (
    is_known,
    is_screen_word,
    plain,
    roughly,
    with_figures,
    words_of,
)

_MONTH = (
    r"(?:ene(?:ro)?|jan(?:uar[iy]?y?|v(?:ier)?)?|feb(?:ruar[iy]?y?|rero|braio)?|f[eé]v(?:r(?:ier)?)?|mar(?:ch|s|zo)?|m(?:ä|ae)r[zr]?|m[aä]rz"
    r"|apr(?:il[e]?)?|avr(?:il)?|abr(?:il)?|ma[iy]o?|mag(?:gio)|jun[ei]?o?|juin|jul[iy]?o?|juil(?:let)?|lug(?:lio)|aug(?:ust)?"
    r"|ago(?:sto)?|ao[uû]t|sept?(?:i?embre?|tembre)?|set(?:tembre|embro)|o[ck]t(?:ob(?:er|re)?)?|out(?:ubro)|ott(?:obre)"
    r"|nov(?:i?embre?|ember)?|de[cz](?:ember|embre|embro)?|d[eé]c(?:embre)?|dic(?:i?embre)?)"
)
_LONG_MONTH = r"(?:january|february|march|april|june|july|august|september|october|november|december)"
_DAY_NAME = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_GAP = r"(?:[-/. ,']{0,3}| ?de ?| ?of ?)"
_SEP = r"[-/.,:; ]{1,2}"
_DATES = (
    rf"(?<!\d)(?:1[89]|20)\d\d{_SEP}(?:0?[1-9]|1[0-2]){_SEP}(?:[0-2]?\d|3[01])(?!\d)",
    rf"(?<![\d.])(?:[0-2]?\d|3[01]){_SEP}(?:[0-2]?\d|3[01]){_SEP}(?:(?:1[89]|20)\d\d)(?!\d)",
    r"(?<![\d.])(?:[0-2]?\d|3[01])([-/.])(?:[0-2]?\d|3[01])\1\d\d(?![\d.])",
    r"(?<![\d.])(?:1[89]|20)\d\d([-/.])\d\d?\1\d\d?(?![\d.])",
    r"(?<![\d.])\d\d?([-/.])\d\d?\1(?:1[89]|20)\d\d(?!\d)",
    r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])",
    r"(?<!\d)(?:[0-2]\d|3[01])(?:[0-2]\d|3[01])(?:19|20)\d\d(?!\d)",
    r"(?<![\d.])(?:[0-2]?\d|3[01])[-/](?:[0-2]\d|3[01])(?:19|20)\d\d(?!\d)",
    r"(?<![\d.])(?:[0-2]\d|3[01])(?:[0-2]\d|3[01])[-/](?:19|20)\d\d(?!\d)",
    r"(?<![\d.])(?:19|20)\d\d(?:[-/](?:0[1-9]|1[0-2])[0-3]\d|(?:0[1-9]|1[0-2])[-/][0-3]\d)(?!\d)",
    r"(?<![\d.])\d{3}[-/.](?:0[1-9]|1[0-2])[-/.](?:[0-2]\d|3[01])(?![\d.])",
    r"(?<!\d)(?:19|20)\d\d[-/](?:0[1-9]|1[0-2])[-/]|(?<!\d)[-/][0-3]\d[-/](?:19|20)\d\d(?!\d)",
    r"(?<![\d./])\d\d?/\d\d?/\d{1,4}(?![\d./])",
    r"(?<![\d.-])\d\d-(?:0[1-9]|1[0-2])-(?:[0-2]\d|3[01])(?![\d.-])",
    r"(?<![\d.])(?:[0-2]\d|3[01])[-/.,](?:0[1-9]|1[0-2])[-/.,]\d\d(?![\d.])",
    rf"(?<!\d)[0-3]?\d(?:st|nd|rd|th|\.)?{_GAP}{_MONTH}{_GAP}(?:\d{{4}}|\d\d)(?!\d)",
    rf"(?<![a-z]){_MONTH}{_GAP}[0-3]?\d(?:st|nd|rd|th)?{_GAP}(?:19|20)\d\d(?!\d)",
    rf"(?<![a-z]){_MONTH}{_GAP}(?:19|20)\d\d(?!\d)",
    rf"(?<!\d)(?:19|20)\d\d{_GAP}{_MONTH}(?![a-z])",
    rf"(?<!\d)[0-3]?\d[- ]?(?:jan|feb|apr|jun|jul|aug|nov|{_LONG_MONTH})(?![a-z])",
    rf"(?<![a-z])(?:{_LONG_MONTH}[ .]{{0,2}}[0-3]?\d(?!\d)|{_DAY_NAME})",
    r"(?<![\d.])(?:0?[1-9]|1[0-2])[/-](?:19|20)\d\d(?!\d)",
    r"(?<![a-z])[rhs]\d{1,2}[.,]\d{1,2}[.,]\d{1,2}(?![\d.])",
    r"\d[年년]|\d[月월] ?\d{1,2}[日일]?",
    r"[0-2]?\d[:;.][0-5]\d[:;.][0-5]\d(?![\d:])",
    r"(?<!\d)[0-2]\d(?:[0-5]\d[:;]|[:;][0-5]\d)[0-5]\d(?!\d)",
    r"(?<![\d:])[01]?\d[:;.]?[0-5]\d ?[ap]\.?(?:m|rn)(?![a-z])",
)
_AGES = (
    r"(?<![\d.])(?:\d{1,2}|0\d\d|1[01]\d) ?(?:y|[yv]r[s5]?|[yv]ears? ?(?:old)?|[yv][ .]?/? ?o|yold|jahre?|ans|años)(?:[mf](?![a-z]))?(?![a-z]|[ :=]{0,2}-?\d)",
    r"(?<![\w.])0\d\d[ymwd](?![a-z\d])",
    r"^\W*[mfw] ?[/|] ?\d{1,3} ?y?\W*$",
    r"(?<![a-z])(?:(?:pat(?:ient)?)?[ .]?age|alter)[ :=.]{0,3}\d",
    r"(?<![a-z])(?:sex|gender|geschlecht|sexe|sexo)[ :=/.]{0,3}(?:[a-z](?![a-z])|male|female|\d)|^\W*(?:sex|gender)\W*$",
)
_NUMBER_OF = r"(?:mrn|pid|pat(?:ient)?|study|case|visit|exa(?:m|rn)|ex|record|chart|acc(?:ession)?|order|req|episode|encounter|folder|file)"
_WHO = (
    r"(?:phys(?:ician)?|doctor|arzt|op|opr|oper(?:ator)?|tech(?:nologist|nician)?|sonog?(?:r(?:apher)?)?|init(?:ials?)?|nurse|user"
    r"|surgeon|endoscopist|radiologist|cardiologist|attending|resident|requested|requester|referrer|referring|author)"
)
_LABELS = (
    r"(?<![a-z])(?:d\.? ?o\.? ?b|mrn|m[.,]r[.,]n|ssn|nhs|birth ?(?:date|day)?|date of birth|geb(?:oren|\.|urts\w*)|born|surname"
    r"|n[eé]e? le|lmp ?[:=])(?![a-z])",
    r"(?<![a-z0])(?:(?:patient|pat|pt|last|first|given|family|full)?[ .']{0,2}(?:name|nom|nombre|nachname|vorname)|last|first|given"
    rf"|patient|pat|pt|pid|{_NUMBER_OF}[ .]{{0,2}}(?:id|no|nr|num|number|#)|id|i\.d|acc(?:ession)?"
    rf"|ref(?:erring)?(?:[ .]{{0,2}}(?:phys(?:ician)?|dr|md))?|perf(?:orming)?[ .]{{0,2}}phys\w*|{_WHO}[ .]{{0,2}}(?:id|by|\(s\))?"
    r"|(?:read|reported|scanned|performed|perf|done|signed|verified|approved|reviewed|dictated|entered|exam) ?b[yv]"
    r"|tel|phone|fax|address|addr|street|inst(?:itution)?|site|ward|station|stn|dept|rt ?\(r\)|(?:study|exam)?[ .]?date)[ .]{0,2}[:#=]",
    r"^\W*(?:(?:patient|pat)?[ .']{0,2}(?:name|id)|mrn|dob|pid|acc(?:ession)?|patient|pat|ref|physician|operator)\W*$",
    r"(?<![a-z])(?:id|acc|accession|mrn|pid)[ .:#]{0,3}[a-z]{0,3}[-]?\d{3,}",
    rf"(?<![a-z])(?:{_NUMBER_OF}|sn|s/n|serial)[ .]{{0,2}}(?:id|no|nr|num|number)?[ .:#=]{{0,4}}[a-z]{{0,4}}-?\d{{3,}}",
    r"(?<![a-z])(?:read|reported|scanned|performed|perf|dictated|signed|scanned) ?b[yv](?![a-z])",
    r"(?<![a-z])(?:name|surname|vorname|nachname)[ ]|(?<![a-z])ref(?:erring)?[ .]{1,2}(?:phys|dr|md)(?![a-z])",
    r"(?<![a-z])(?:acc|mrn|pid|id)[ .:#]{1,3}\d[\d ]{4,}|(?<![a-z])pat(?:ient)?[ .]?id[ .:#]{0,3}\d",
    r"(?<![a-z])(?:tel|phone|telephone|fax|mobile)[ .:]{0,3}[+(]?\d",
    r"(?<![a-z])loc(?:ation)?[:=] ?[a-z]",
)
_INITIALS = re.compile(
    r"(?<![a-z])(?i:op|opr|oper|[o0]perator|tech|technologist|sonog?|sonographer|initials|nurse|rdms|radiologist)[ .:]{1,3}[A-Z]{2,3}(?![A-Za-z])"
)
_STAFF = re.compile(
    r"(?<![a-z])(?i:physician|doctor|radiologist|surgeon|sonographer|operator|technologist)[ .:]{1,3}[A-Z]"
)
_DEGREE = re.compile(
    r"([^\W\d_]{2,})[ .,]{1,3}(?:M\.?D|D\.?O|Ph\.?D|M\.?B\.?B\.?S|FRCR|R\.?N|RDMS|RVT|RDCS|RT ?\(R\))\W*$"
)
_TITLE = re.compile(
    r"(?<![a-z])(?:(prof|mrs|mr|ms|dr|herr|frau|mme|mlle|sra)(?:([.,]) ?| ))(?:(?:dr|med)\b\.? ?)?([^\W\d_]+)", re.I
)
_PLACES = (
    r"hosp(?:i|\b)|h[oô]pital|ospedal|krankenhaus|spital|klinik|cl[ií]nic(?!al|ian)|clinique|ziekenhuis|sjukhus|szpital|bệnh viện"
    r"|medical ?(?:cent|ctr|group|coll|school)|medicalcent|med\.? (?:cent|ctr)|(?<!e )(?<!s )health(?!ineers)|institut|universit"
    r"|(?<![a-z])univ\b|infirmary|praxis|imaging (?:cent|ctr|assoc)|radiology (?:cent|assoc|dep|group)"
    r"|(?<![a-z])(?:st|saint|sankt)(?:\. ?| )(?!seg|ele|dep|lev|dev|slo|ana)[a-z]{3}|foundation|academ|radiolog(?:y|ie)\b|department|dept(?!h)"
    r"|(?<![a-z])nhs|permanente|(?<![a-z])chu (?:de )?[a-z]|病院|医院|医科|병원|больниц|клиник|госпитал|νοσοκομ|مستشفى"
    r"|(?:children|women|veteran)'?s",
    r"(?<![a-z])(?:ward|room|rm|bed|[s5]?tation|stn|icu|nicu|picu|opd|suite)[ .:#-]{0,3}[a-z]?\d{1,4}[a-z]?(?![a-z\d])",
    r"(?<!\d)\d{1,5} ?(?:[A-Z][\w'.-]{1,20} ){1,3}(?:street|st|road|rd|avenue|ave|lane|ln|drive|boulevard|blvd)(?![a-z])",
    r"[^\W\d_]{3,}(?:stra(?:ß|ss)e|str\.) ?\d",
)
_NUMBERS = (
    r"\d{6,}|(?<![\d.,])0\d{4}(?!\d)",
    r"(?<![a-z\d])(?:[a-z]{1,4}[-_]?|[a-z\d]{1,3}[a-z])\d{5,}|[a-z]{2,4}_\d{4,}",
    r"(?<![a-z\d])[a-z]{2,4}-(?:19|20)\d\d-\d{3,}",
    r"[:#=] ?[a-z]{0,3}\d{5,}(?![\d.])|(?<![a-z])[a-z]{2,12}[:#] ?[a-z]\d{4,}|#\d{4,}",
    r"\+\d{1,3}(?:[ ./()-]{0,2}\d){6,}",
    r"\(?\d{2,5}\)?[ ./-]\d{3,4}[ .-]\d{3,5}(?!\d)",
    r"(?<![\d.])\d{3}-?\d{2}-\d{4}|(?<![\d.])\d{3}-\d{2}-?\d{4}",
    r"(?<![\d.])\d{3}-\d{4}(?!\d)",
    r"[\w.+-]+@[\w-]+|[\w.+-]{2,}@?[\w-]+\.(?:org|com|net|edu|example)(?![a-z])",
    r"www\.|https?:",
    r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?:\d+\.){5,}\d",
    r"(?<![\d.])\d{3}[.]\d{3}[.]\d{3}(?![\d.])",
)
_GENERIC = tuple(re.compile(pattern, re.I) for pattern in (*_DATES, *_AGES, *_LABELS, *_PLACES, *_NUMBERS))
_BARE = (re.compile(_LABELS[2], re.I), re.compile(rf"(?:{_LABELS[1]})\W*$", re.I))
_PLACE_WORDS = ("hospital", "klinikum", "universit", "institute", "medicalcenter", "krankenhaus")
# A number with its unit is measured, whatever stands before it: ID 3.2 mm is a diameter, PAT 110 ms a time.
_MEASURED = re.compile(
    r"(?<![a-z\d])(?:(?:id|acc|pat|pt|ref|ex|op|site|bed|age)[ .:=]{0,3})?[-+]?\d{1,4}(?:[.,]\d{1,3})? ?"
    r"(?:[ck]m[23²³]?(?:/s2?)?|mm|(?-i:crn|mrn|rnm)(?:/s2?)?|m/s2?|m?sec|ms|mmhg|[km]?hz|%|hu|d[be]g?|ml|m?gy(?:cm2?)?|kpa|bpm)(?![a-z\d])",
    re.I,
)
_FIGURES = str.maketrans("OoQDIl|!SsBZzGb", "000011115582266")
_NEARLY_FIGURES = re.compile(r"(?<![^\W_])[\dOoQDIl|!SsBZzGb]{2,}(?![^\W_])")
_NEARLY_DATE = re.compile(
    r"(?<![^\W_])[\dOoQDIl|!SsBZzGb]{1,4}([-/.:])[\dOoQDIl|!SsBZzGb]{1,2}\1[\dOoQDIl|!SsBZzGb]{2,4}(?![^\W_])"
)
_LETTERS = str.maketrans("015862", "OISBGZ")
_NEARLY_LETTERS = re.compile(r"(?<![^\W_])(?=[a-z015862]*[a-z]{2})[a-z015862]{3}(?![^\W_])", re.I)
_BEFORE_TIME = re.compile(r"(?<=\d)(?=[0-2]\d[:;.][0-5]\d[:;.][0-5]\d)")
_BEFORE_MARK = re.compile(r"(?<![^\W_])([^\W_]{2,14})[ ]?([:#=.;,])[ ]?(\S{0,8})")
_LABEL_WORDS = (
    "name surname nachname vorname nombre patient patid dob born birthdate birth mrn pid accession physician referring"
    " doctor operator oper opr technologist technician sonographer sono initials nurse user surgeon endoscopist radiologist"
    " attending exam case visit accession chart address phone institution location ward station acc id op"
).split()
_MISREAD_LABELS = frozenset(
    roughly(form) for word in _LABEL_WORDS for form in ((word, word[1:]) if len(word) > 3 else (word,))
)
_LONGEST = 400


def is_label(text: str) -> bool:
    """Tell whether a text is only the label of an identifying one, which should stand behind it."""
    return not any(letter.isdigit() for letter in text) and any(pattern.search(text) for pattern in _BARE)


def is_generic(text: str) -> bool:
    """Tell whether a text has the form of a date, a number of a person, an address, a title, or the name of a hospital."""
    text = _MEASURED.sub("§", _BEFORE_TIME.sub(" ", text[:_LONGEST]))
    if _INITIALS.search(text) or _STAFF.search(text) or _has_title(text) or _has_nearly_a_label(text):
        return True
    readings = {
        text,
        _NEARLY_DATE.sub(_as_figures, _NEARLY_FIGURES.sub(_as_figures, text)),
        _NEARLY_LETTERS.sub(lambda found: found.group().translate(_LETTERS), text),
        with_figures(text).replace("!", "I").replace("|", "I"),
    }
    if any(pattern.search(reading) for reading in readings for pattern in _GENERIC):
        return True
    letters = "".join(words_of(text))
    return len(letters) >= 7 and any(_nearly(word, letters) for word in _PLACE_WORDS)


def _has_nearly_a_label(text: str) -> bool:
    """Whether a label stands before a mark, though it was misread, or its colon was read as a point."""
    alone = plain(text.strip(" .:#=-"))
    if len(alone) > 2 and not is_known(alone) and roughly(alone) in _MISREAD_LABELS:
        return True
    for found in _BEFORE_MARK.finditer(text):
        word, mark, behind = plain(found.group(1)), found.group(2), found.group(3)
        is_known_mark = is_screen_word(word) and not (mark in "#:" and sum(map(str.isdigit, behind)) > 3)
        if word.isdigit() or is_known_mark or (mark in ".," and behind[:1].isdigit()):
            continue
        if roughly(word) in _MISREAD_LABELS:
            return True
    return False


def _as_figures(found: re.Match[str]) -> str:
    word = found.group()
    figures = sum(letter.isdigit() for letter in word)
    return word.translate(_FIGURES) if figures else word


def _has_title(text: str) -> bool:
    """Whether somebody is addressed: Dr. Who, Mrs Long, but MR BRAIN is a picture; or has a degree."""
    for found in _TITLE.finditer(text):
        title, dot, word = found.groups()
        is_written_out = not title.isupper() and word[0].isupper()
        if len(word) > 1 and (dot or is_written_out or title.lower() not in {"mr", "ms", "dr"} or not _is_term(word)):
            return True
    degree = _DEGREE.search(text)
    return degree is not None and ("," in degree.group() or not is_screen_word(degree.group(1)))


def _is_term(word: str) -> bool:
    return is_screen_word(word) or (is_known(word) and word.islower())


def _nearly(word: str, letters: str) -> bool:
    """Whether a word stands in a text with one letter misread."""
    half = len(word) // 2
    for part, other, before in ((word[:half], word[half:], False), (word[half:], word[:half], True)):
        place = letters.find(part)
        while place >= 0:
            beside = letters[max(place - len(other), 0) : place] if before else letters[place + half :][: len(other)]
            if len(beside) == len(other) and sum(one != two for one, two in zip(beside, other, strict=True)) <= 1:
                return True
            place = letters.find(part, place + 1)
    return False
