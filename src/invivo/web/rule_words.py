"""Words for what rules say in codes: why an attribute is treated so, what an option does, what a doubt or a refusal is about."""

import re

from invivo import deidentification, submissions

CODES = {
    "D": "dummy value",
    "Z": "emptied",
    "X": "removed",
    "K": "kept",
    "C": "cleaned",
    "U": "new UID",
}
# What each code does, for the legend; the order is that of Table E.1-1a.
MEANINGS = (
    ("D", "a value of the same kind that says nothing takes its place"),
    ("Z", "the attribute stays, its value goes"),
    ("X", "the attribute goes"),
    ("K", "the value stays as it is"),
    ("C", "what identifies is taken out of the value, the rest stays; dates are shifted"),
    ("U", "replaced, everywhere by the same one"),
)
OPTION_WORDS = {
    "clean_pixel_data": "text burned into pictures is found and hidden",
    "clean_visual_features": "recognizable features are looked after",
    "clean_graphics": "graphics and overlays are cleaned, not dropped",
    "clean_structured_content": "structured reports are cleaned, not dropped",
    "clean_descriptors": "descriptions and comments are cleaned, not dropped",
    "retain_full_dates": "dates and times stay as they are",
    "retain_modified_dates": "dates are shifted, intervals hold",
    "retain_patient_characteristics": "age, sex, size, weight and the like stay",
    "retain_device_identity": "names and numbers of devices stay",
    "retain_uids": "UIDs stay",
    "retain_safe_private": "private elements known to be harmless stay",
    "retain_institution": "the institution stays",
}
DOUBTS = {
    **submissions.ACCEPTABLE,
    "pixel.head": "Heads, of which a face may be reconstructed",
    "pixel.text-left": "Text may be left in the pictures",
    "pixel.text-unclear": "Text in the pictures that was not understood",
    "pixel.not-read": "Pictures that were not read",
    "pixel.not-decoded": "Pictures that cannot be decoded",
    "pixel.cannot-hide": "Text that cannot be hidden in this transfer syntax",
    "pixel.frames-sampled": "Only some frames were read",
    "pixel.page": "Pages of text",
    "pixel.overlay-in-bits": "Overlays in the bits of the pixels",
    "pixel.slide-label": "Labels of slides",
    "pixel.recoded": "Pictures that were compressed anew",
    "text.free": "Free text that a person should read",
    "text.unknown-character-set": "An unknown character set",
    "text.encoding-guessed": "A character set that was guessed",
    "text.too-many-people": "More people than can be looked for",
    "proof.leftover": "An identifier is left in the file",
    "deidentification.not-in-lookup": "A key is missing in the lookup table",
    "deidentification.script-lookup": "A key is missing in the lookup table",
    "deidentification.script-value": "A function of the script got a value that it cannot take",
    "deidentification.script-no-value": "A function of the script found no value",
    "deidentification.script-variable": "A variable of the script has no value",
    "deidentification.script-refused": "The script refuses the object",
    "deidentification.unreadable": "The file cannot be read",
    "deidentification.truncated": "The file is cut off",
    "deidentification.not-understood": "The object is not understood",
    "deidentification.no-class": "The object does not say what it is",
    "deidentification.no-uid": "The object has no UID",
}
_BY_OPTION = re.compile(r"E\.1-1 \S+ by option (\d{6})")
_BY_TABLE = re.compile(r"E\.1-1 (\S+), type")
_BY_VR = re.compile(r"VR (\w\w)(?:, (.+))?")
_SHORT = {code: words for code, words in deidentification.OPTIONS.values()}  # noqa: C416 - pairs of the code and its words


def option_words(code: str) -> str:
    """Name an option of Annex E by its code, without the words that all of them share.

    Examples
    --------
    >>> option_words("113107")
    'option 113107, modified dates'
    """
    name = _SHORT.get(code, "").removesuffix(" Option").removeprefix("Retain Longitudinal Temporal Information ")
    return f"option {code}, {name.lower().replace('uids', 'UIDs')}" if name else f"option {code}"


def why(reason: str) -> str:
    """Say in words why an attribute is treated as it is.

    Examples
    --------
    >>> why("E.1-1 X/Z/D, type none")
    'Table E.1-1: X/Z/D'
    >>> why("VR DA, option 113106")
    'By its kind of value (DA): option 113106, full dates'
    >>> why("rule of profile lung")
    'A rule of this collection'
    """
    if reason.startswith("rule of profile "):
        return "A rule of this collection"
    if found := _BY_OPTION.fullmatch(reason):
        return _first_upper(option_words(found[1]))
    if reason.startswith("E.1-1 ") and reason.endswith(", subject label"):
        return "Gets the label of the subject"
    if found := _BY_TABLE.match(reason):
        return f"Table E.1-1: {found[1]}"
    if found := _BY_VR.fullmatch(reason):
        more = found[2] or ""
        if more.startswith("option "):
            more = option_words(more.removeprefix("option "))
        return f"By its kind of value ({found[1]})" + (f": {more}" if more else "")
    return _first_upper(reason)


def _first_upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def doubt_words(code: str) -> str:
    """Say in words what a doubt or a refusal is about; "" for a code without words."""
    return DOUBTS.get(code, "")
