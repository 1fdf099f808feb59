"""A name for a cleaned file that tells nothing of anybody."""

import re
import unicodedata

from invivo.deidentification.other_files import field
from invivo.deidentification.other_files.leftover import values_of
from invivo.deidentification.other_files.wording import Wording

LONGEST_NAME = 120
_SUFFIX = re.compile(r"((?:\.[A-Za-z][A-Za-z0-9]{0,7})?\.(?:gz|GZ)|\.[A-Za-z][A-Za-z0-9]{0,7})$")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]*")
_DIGITS = re.compile(r"\d{5,}|(?<!\d)\d{1,4}[-_.]\d{1,2}[-_.]\d{1,4}(?!\d)")
_WORDS = frozenset(
    "bold dwi asl perf meg eeg ieeg anat func fmap participants participant dataset description events channels scans"
    " sessions mask masks segmentation label labels task rest run echo flip part desc space magnitude phasediff readme"
    " changes license bval bvec bvals bvecs sidecar json nifti image images photo picture scan copy final notes data table"
    " clinical report results demographics export cohort study features radiomics volume volumes values example".split()
)


def safe_name(name: str, wording: Wording) -> str:
    """The name as it is, or a code with the same ending where it could tell of somebody.

    Every word of a name that stays is common or of the vocabulary of data sets, and it has no date and no long number.
    """
    base = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    found = _SUFFIX.search(base)
    suffix = found.group(1) if found and found.start() else ""
    if suffix and wording.cleaner.finds(suffix.replace(".", " ")):
        suffix = ""
    stem = base[: len(base) - len(suffix)] if suffix else base
    return stem + suffix if _is_safe(stem, wording) else wording.pseudonym(name) + suffix


def _is_safe(stem: str, wording: Wording) -> bool:
    if len(stem) > LONGEST_NAME or not _PLAIN.fullmatch(stem) or _DIGITS.search(stem):
        return False
    spoken = re.sub(r"[_.+-]+", " ", stem)
    spoken = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", spoken)
    if field.strange_words(spoken, _WORDS) or wording.cleaner.clean(spoken) != spoken:
        return False
    if wording.cleaner.finds(stem) or wording.cleaner.finds(spoken):
        return False
    compact = re.sub(r"[^a-z0-9]", "", stem.casefold())
    wanted = {re.sub(r"[^a-z0-9]", "", value) for trace in (*wording.known, *wording.own) for value in values_of(trace)}
    return not any(len(value) > 3 and value in compact for value in wanted)
