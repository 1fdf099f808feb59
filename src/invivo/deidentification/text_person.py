"""People in texts whom no header names: by what stands before or behind a name, and by two unknown names in a row."""

import re
from collections.abc import Callable, Iterator

Span = tuple[int, int]

_CAPITAL = r"[A-Z\u00c0-\u00d6\u00d8-\u00de\u0410-\u042f]"
_NAME = rf"{_CAPITAL}[^\W\d_'’-]{{0,40}}\.?(?:['’-]{_CAPITAL}?[^\W\d_]{{1,40}})?"
_NAMES = rf"((?:[ ,]{{0,2}}{_NAME}){{1,3}})"
_TITLE = re.compile(
    r"(?<![^\W_])(?:(?:Dr|Prof|Mr|Mrs|Ms|Miss|Mister|Doctor|Professor|Nurse|Herr|Frau|Mme|Mlle|Sra|Señor)\b\.?"
    r"|(?:DR|PROF|MR|MRS|MS)\.)(?: (?:med|Dr)\b\.?){0,2}"
    rf"((?:[ .]{{1,2}}{_CAPITAL}(?:[^\W\d_'’-]{{1,40}}|\.)(?:['’-]{_CAPITAL}?[^\W\d_]{{1,40}})?){{1,3}})"
)
_LABEL = re.compile(
    r"(?i:(?<![^\W_])(?:name|patient|physician|doctor|operator|technologist|technician|tech|rad|radiologist|attending"
    r"|surgeon|resident|fellow|nurse|author|dictat(?:ed|ing|or)|transcrib(?:ed|er)|sign(?:ed|er)|report(?:ed|er)"
    r"|verified|approved|reviewed|finali[sz]ed|entered|requested|ordered|performed|read|referr(?:ed|ing)|cc|attn)"
    rf"(?: by| to)?)(?: ?[:=] ?| is |(?<= by) |(?<= to) )(?:Dr\.? ?)?{_NAMES}"
)
_RELATIVE = re.compile(
    r"(?i:(?<![^\W_])(?:wife|husband|mother|father|mom|dad|son|daughter|brother|sister|spouse|partner|aunt|uncle|niece"
    rf"|nephew|grand(?:mother|father|son|daughter)|guardian|caregiver|carer|relative|friend|neighbou?r)),? {_NAMES}"
)
_DEGREE = re.compile(
    rf"((?:{_NAME}[ ,]{{1,2}}){{1,3}})(?:M\.?D|D\.?O|Ph\.?D|R\.?N|RT ?\(R\)|PA-C|FRCR|FACR|D\.?D\.?S|D\.?V\.?M|MBBS)(?![^\W_])"
)
_PAIR = re.compile(rf"(?<![^\W_]){_CAPITAL}[^\W\d_A-Z]{{2,30}} {_CAPITAL}[^\W\d_A-Z]{{2,30}}(?![^\W_])")
_WORDS_OF_A_SENTENCE = 4
_WORD = re.compile(r"[^\W\d_]+")


def named_people(text: str, is_known: Callable[[str], bool]) -> Iterator[Span]:
    """Where people seem to be named.

    Parameters
    ----------
    text : str
    is_known : callable
        Whether a word names nobody by itself. A name behind a title or a label ends at the first such word; before a
        degree it begins behind the last; two unknown words in a row with capitals are a name where somebody writes in
        sentences (in a list of terms they are terms).
    """
    for pattern in (_TITLE, _LABEL, _RELATIVE):
        for found in pattern.finditer(text):
            end = _end_of_name(text, found.start(1), found.end(1), is_known)
            if end > found.start(1):
                yield (found.start() if pattern is _TITLE else found.start(1)), end
    for found in _DEGREE.finditer(text):
        start = found.start(1)
        for word in _WORD.finditer(text, found.start(1), found.end(1)):
            if len(word.group()) > 2 and is_known(word.group()):
                start = word.end()
        if text[start : found.end(1)].strip(" ,"):
            yield start, found.end()
    told = sum(word.islower() and is_known(word) for word in _WORD.findall(text))
    for found in _PAIR.finditer(text) if told >= _WORDS_OF_A_SENTENCE else ():
        if not any(is_known(word) for word in _WORD.findall(found.group())):
            yield found.span()


def _end_of_name(text: str, start: int, stop: int, is_known: Callable[[str], bool]) -> int:
    end = start
    for word in _WORD.finditer(text, start, stop):
        if len(word.group()) > 2 and is_known(word.group()):
            break
        end = word.end()
    return end
