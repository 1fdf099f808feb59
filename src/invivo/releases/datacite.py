"""A release in DataCite's words, as JSON for its REST service and as XML for harvesters.

References
----------
DataCite Metadata Schema 4.6 (kernel-4); DataCite REST API (JSON:API).
"""

from typing import Any
from xml.etree import ElementTree  # noqa: S405 - it only writes here

from invivo.releases.credit import Creator
from invivo.releases.description import Description

SCHEMA = "http://datacite.org/schema/kernel-4"
_SCHEMA_FILE = "https://schema.datacite.org/meta/kernel-4.6/metadata.xsd"
Json = dict[str, Any]


def attributes(one: Description) -> Json:
    """Return what DataCite's service takes as ``data.attributes``, without ``doi``, ``event`` and ``url``."""
    found: Json = {
        "creators": [_creator(creator) for creator in one.creators],
        "titles": [{"title": one.title, "lang": "en"}, {"title": one.short_name, "titleType": "AlternativeTitle"}],
        "publisher": {"name": one.publisher},
        "publicationYear": one.year,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": _kind(one)},
        "subjects": [{"subject": word} for word in (*one.keywords, *one.diseases, *one.sites, *one.species)],
        "dates": [
            {"date": one.published_at.date().isoformat(), "dateType": "Issued"},
            *([{"date": one.embargo_until.isoformat(), "dateType": "Available"}] if one.embargo_until else []),
        ],
        "language": "en",
        "version": str(one.number or one.newest),
        "formats": ["application/dicom"],
        "sizes": [f"{one.size_bytes} bytes", f"{one.series_count} series", f"{one.subject_count} subjects"],
        "rightsList": [
            {
                "rights": licence.name,
                "rightsUri": licence.url,
                "rightsIdentifier": licence.id,
                "rightsIdentifierScheme": "SPDX",
                "schemeUri": "https://spdx.org/licenses/",
            }
            for licence in one.licences
        ],
        "descriptions": [
            {"description": one.abstract, "descriptionType": "Abstract"},
            *([{"description": one.methods, "descriptionType": "Methods"}] if one.methods else []),
            *([{"description": one.notes, "descriptionType": "Other"}] if one.notes and one.number else []),
        ],
        "relatedIdentifiers": _related(one),
        "fundingReferences": [_funding(one, number) for number in range(len(one.funders))],
        "alternateIdentifiers": [
            {"alternateIdentifier": one.short_name, "alternateIdentifierType": "Local accession number"}
        ],
        "schemaVersion": SCHEMA,
    }
    return {key: value for key, value in found.items() if value not in ("", [])}


def _kind(one: Description) -> str:
    return "Derived results" if one.is_derived else "Biomedical images"


def _creator(creator: Creator) -> Json:
    found: Json = {"name": creator.name, "nameType": "Organizational" if creator.is_organisation else "Personal"}
    if not creator.is_organisation and creator.given:
        found |= {"givenName": creator.given, "familyName": creator.family}
    if creator.orcid:
        found["nameIdentifiers"] = [_named(f"https://orcid.org/{creator.orcid}", "ORCID", "https://orcid.org")]
    elif creator.is_organisation and creator.ror:
        found["nameIdentifiers"] = [_named(creator.ror, "ROR", "https://ror.org")]
    if creator.affiliation:
        place: Json = {"name": creator.affiliation}
        if creator.ror and not creator.is_organisation:
            place |= {"affiliationIdentifier": creator.ror, "affiliationIdentifierScheme": "ROR"}
        found["affiliation"] = [place]
    return found


def _named(value: str, scheme: str, address: str) -> Json:
    return {"nameIdentifier": value, "nameIdentifierScheme": scheme, "schemeUri": address}


def _related(one: Description) -> list[Json]:
    found = [
        {"relatedIdentifier": other.value, "relatedIdentifierType": other.kind, "relationType": other.relation}
        for other in one.related
    ]
    if one.number and one.concept_doi:
        found.append(
            {"relatedIdentifier": one.concept_doi, "relatedIdentifierType": "DOI", "relationType": "IsVersionOf"}
        )
    return found


def _funding(one: Description, number: int) -> Json:
    funder = one.funders[number]
    found: Json = {"funderName": funder.name}
    if funder.ror:
        found |= {"funderIdentifier": funder.ror, "funderIdentifierType": "ROR"}
    if funder.award:
        found["awardNumber"] = funder.award
    if funder.award_url:
        found["awardUri"] = funder.award_url
    return found


def xml(one: Description) -> bytes:
    """Return the description as a ``resource`` of kernel-4; what has no DOI is identified by its address."""
    root = ElementTree.Element(f"{{{SCHEMA}}}resource")
    root.set(f"{{{_XSI}}}schemaLocation", f"{SCHEMA} {_SCHEMA_FILE}")
    kind = "DOI" if one.doi else "URL"
    _put(root, "identifier", one.doi or one.url, identifierType=kind)
    creators = _put(root, "creators")
    for creator in one.creators:
        _put_creator(creators, creator)
    titles = _put(root, "titles")
    _put(titles, "title", one.title)
    _put(titles, "title", one.short_name, titleType="AlternativeTitle")
    _put(root, "publisher", one.publisher)
    _put(root, "publicationYear", str(one.year))
    _put(root, "resourceType", _kind(one), resourceTypeGeneral="Dataset")
    _put_lists(root, attributes(one))
    _put(root, "version", str(one.number or one.newest))
    _put(root, "language", "en")
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, xml_declaration=True, encoding="UTF-8"))


_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_UNWRITABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF))
ElementTree.register_namespace("", SCHEMA)
ElementTree.register_namespace("xsi", _XSI)


def _put(parent: ElementTree.Element, name: str, text: str = "", **attributes_of: str) -> ElementTree.Element:
    made = ElementTree.SubElement(
        parent, f"{{{SCHEMA}}}{name}", {key: value for key, value in attributes_of.items() if value}
    )
    if text:
        made.text = text.translate(_UNWRITABLE)
    return made


def _put_creator(parent: ElementTree.Element, creator: Creator) -> None:
    made = _put(parent, "creator")
    described = _creator(creator)
    _put(made, "creatorName", creator.name, nameType=described["nameType"])
    for key in ("givenName", "familyName"):
        if described.get(key):
            _put(made, key, described[key])
    for one in described.get("nameIdentifiers", []):
        _put(
            made,
            "nameIdentifier",
            one["nameIdentifier"],
            nameIdentifierScheme=one["nameIdentifierScheme"],
            schemeURI=one["schemeUri"],
        )
    for one in described.get("affiliation", []):
        scheme = one.get("affiliationIdentifierScheme", "")
        _put(
            made,
            "affiliation",
            one["name"],
            affiliationIdentifier=one.get("affiliationIdentifier", ""),
            affiliationIdentifierScheme=scheme,
        )


def _put_lists(root: ElementTree.Element, told: Json) -> None:
    """Write the wrappers that may be left out, each only if it holds something."""
    for wrapper, name, rows in (
        ("subjects", "subject", [(one["subject"], {}) for one in told.get("subjects", [])]),
        ("dates", "date", [(one["date"], {"dateType": one["dateType"]}) for one in told["dates"]]),
        ("sizes", "size", [(one, {}) for one in told["sizes"]]),
        ("formats", "format", [(one, {}) for one in told["formats"]]),
        ("rightsList", "rights", [(one["rights"], _rights(one)) for one in told["rightsList"]]),
        (
            "descriptions",
            "description",
            [(one["description"], {"descriptionType": one["descriptionType"]}) for one in told["descriptions"]],
        ),
        (
            "relatedIdentifiers",
            "relatedIdentifier",
            [
                (one["relatedIdentifier"], {key: one[key] for key in ("relatedIdentifierType", "relationType")})
                for one in told.get("relatedIdentifiers", [])
            ],
        ),
    ):
        if rows:
            holder = _put(root, wrapper)
            for text, more in rows:
                _put(holder, name, text, **more)
    _put_funding(root, told.get("fundingReferences", []))


def _rights(one: Json) -> dict[str, str]:
    return {
        "rightsURI": one["rightsUri"],
        "rightsIdentifier": one["rightsIdentifier"],
        "rightsIdentifierScheme": "SPDX",
        "schemeURI": one["schemeUri"],
    }


def _put_funding(root: ElementTree.Element, references: list[Json]) -> None:
    if not references:
        return
    holder = _put(root, "fundingReferences")
    for one in references:
        made = _put(holder, "fundingReference")
        _put(made, "funderName", one["funderName"])
        if one.get("funderIdentifier"):
            _put(made, "funderIdentifier", one["funderIdentifier"], funderIdentifierType="ROR")
        if one.get("awardNumber"):
            _put(made, "awardNumber", one["awardNumber"], awardURI=one.get("awardUri", ""))
