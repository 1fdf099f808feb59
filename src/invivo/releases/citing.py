"""A release as a citation, in the forms that reference managers and reference lists want.

References
----------
APA 7 (data sets); BibTeX; RIS; CSL-JSON 1.0 (citeproc).
"""

import re
from typing import Any

from invivo.releases.credit import Creator
from invivo.releases.description import Description

FORMS = {
    "bibtex": "application/x-bibtex",
    "ris": "application/x-research-info-systems",
    "csl": "application/vnd.citationstyles.csl+json",
    "apa": "text/x-bibliography",
}
_TEX = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_"}
_TEX |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def _version(one: Description) -> int:
    return one.number or one.newest


def apa(one: Description) -> str:
    """Return the citation as a line of a reference list."""
    names = [_initials(creator) for creator in one.creators]
    many = len(names) > 20
    shown = [*names[:19], f"... {names[-1]}"] if many else names
    authors = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])}, {'' if many else '& '}{shown[-1]}"
    stop = "" if authors.endswith(".") else "."
    return f"{authors}{stop} ({one.year}). {one.title} (Version {_version(one)}) [Data set]. {one.publisher}. {one.identifier}"


def _initials(creator: Creator) -> str:
    if creator.is_organisation or not creator.given:
        return creator.name
    return f"{creator.family}, {' '.join(f'{name[0]}.' for name in creator.given.split())}"


def bibtex(one: Description) -> str:
    """Return the citation for BibTeX."""
    authors = " and ".join(
        f"{{{_tex(creator.name)}}}" if creator.is_organisation else _tex(creator.name) for creator in one.creators
    )
    fields = {
        "author": authors,
        "title": f"{{{_tex(one.title)}}}",
        "year": str(one.year),
        "publisher": _tex(one.publisher),
        "version": str(_version(one)),
        "doi": _tex(one.doi),
        "url": one.identifier,
        "note": "Data set",
    }
    key = re.sub(r"[^A-Za-z0-9]", "", one.short_name) + str(one.year)
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@misc{{{key},\n{lines}\n}}\n"


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in " ".join(text.split()))


def ris(one: Description) -> str:
    """Return the citation as RIS."""
    lines = [("TY", "DATA"), *(("AU", creator.name) for creator in one.creators), ("TI", one.title)]
    lines += [("PY", str(one.year)), ("PB", one.publisher), ("ET", str(_version(one))), ("DO", one.doi)]
    lines += [("UR", one.identifier), ("AB", one.abstract), *(("KW", word) for word in one.keywords), ("ER", "")]
    kept = [(tag, " ".join(value.split())) for tag, value in lines if value or tag == "ER"]
    return "".join(f"{tag}  - {value}\r\n" for tag, value in kept)


def csl(one: Description) -> dict[str, Any]:
    """Return the citation as a CSL-JSON item."""
    item: dict[str, Any] = {
        "type": "dataset",
        "id": one.identifier,
        "title": one.title,
        "author": [
            {"literal": creator.name}
            if creator.is_organisation or not creator.given
            else {"family": creator.family, "given": creator.given}
            for creator in one.creators
        ],
        "issued": {"date-parts": [[one.published_at.year, one.published_at.month, one.published_at.day]]},
        "publisher": one.publisher,
        "version": str(_version(one)),
        "URL": one.identifier,
        "abstract": one.abstract,
    }
    return item | ({"DOI": one.doi} if one.doi else {})
