"""A release as a citation, in the forms that reference managers and reference lists want.

References
----------
APA 7 (data sets); BibTeX; RIS; CSL-JSON 1.0 (citeproc).
"""

import re
from collections.abc import Collection, Sequence
from typing import Any

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.releases.credit import Creator, as_creator, creators_of
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
    return _line(one.creators, str(one.year), f"{one.title} (Version {_version(one)})", one.publisher, one.identifier)


def cite(archive: Archive, actor: accounts.Actor, collection_ids: Collection[int]) -> dict[int, str]:
    """Return how each collection is cited, as `apa` words it for the newest release that the actor may know of.

    What mirrors a catalogue is cited as the catalogue says.
    Nothing is counted, unlike in `describe`. Blind reviewers do not learn who made a collection. What is not released is
    cited as unpublished; what the actor may not know of is missing.
    """
    statement = database.join(
        _CITED,
        known=collections.collections_visible_to(actor),
        visible=collections.releases_visible_to(actor),
    )
    with archive.database.transaction() as tx:
        found = database.rows(
            tx, database.Statement(statement.text, {**statement.parameters, "ids": list(collection_ids)})
        )
    publisher = archive.settings.site.name
    cited = {}
    for row in found:
        is_blind = collections.is_blind(actor, row.id)
        if row.told and not is_blind:
            cited[row.id] = row.told
            continue
        creators = () if is_blind else creators_of(row.creators or [])
        title = f"{row.title} (Version {row.number})" if row.number else row.title
        page = f"{archive.settings.public_url}/collections/{row.short_name}"
        lasting = page if is_blind or not row.doi else f"https://doi.org/{row.doi}"
        year = str(row.published_at.year) if row.published_at else "unpublished"
        cited[row.id] = _line(creators or as_creator(publisher), year, title, publisher, lasting)
    return cited


_CITED = """
select c.id, c.short_name, c.title, n.number, n.published_at, w.creators, d.doi, (
    select string_agg(o.citation, ' ' order by o.id) from collections.dataset o
    where o.collection_id = c.id and not o.is_result and o.citation <> '') as told
from collections.collection c
left join lateral (select r.number, r.published_at from releases.release r
    where r.collection_id = c.id and {visible} order by r.number desc limit 1) n on true
left join releases.credit w on w.collection_id = c.id
left join releases.identifier d on d.collection_id = c.id and d.number = 0 and d.state in ('registered', 'findable')
where c.id = any (%(ids)s) and {known}
"""


def _line(creators: Sequence[Creator], year: str, title: str, publisher: str, identifier: str) -> str:
    names = [_initials(creator) for creator in creators]
    many = len(names) > 20
    shown = [*names[:19], f"... {names[-1]}"] if many else names
    authors = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])}, {'' if many else '& '}{shown[-1]}"
    stop = "" if authors.endswith(".") else "."
    return f"{authors}{stop} ({year}). {title} [Data set]. {publisher}. {identifier}"


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
