"""A release for machines that visit its landing page: schema.org, Croissant, and signposts.

References
----------
schema.org Dataset; Google's data set guidelines; MLCommons Croissant 1.0; FAIR Signposting (RFC 8288, RFC 8574).
"""

from typing import Any

from invivo.releases.credit import Creator, Funder
from invivo.releases.description import Description

_CROISSANT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "includes": "cr:includes",
    "recordSet": "cr:recordSet",
    "sc": "https://schema.org/",
    "source": "cr:source",
}
_CONDITIONS = {
    "open": "Open: anybody may download.",
    "registered": "Registered: a free account is needed to download.",
    "controlled": "Controlled: access is applied for.",
    "embargoed": "Embargoed until a date.",
    "private": "Private.",
}


def json_ld(one: Description) -> dict[str, Any]:
    """Return the description as schema.org/Dataset."""
    found: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": one.identifier,
        "name": one.title,
        "alternateName": one.short_name,
        "description": one.abstract[:5000],
        "identifier": one.identifier,
        "url": one.url,
        "version": str(one.number or one.newest),
        "license": [licence.url for licence in one.licences] if len(one.licences) > 1 else one.licence.url,
        "creator": [_creator(creator) for creator in one.creators],
        "publisher": {"@type": "Organization", "name": one.publisher, "url": one.site_url},
        "includedInDataCatalog": {"@type": "DataCatalog", "name": one.publisher, "url": one.site_url},
        "datePublished": one.first_at.date().isoformat(),
        "dateModified": one.published_at.date().isoformat(),
        "isAccessibleForFree": one.is_free,
        "conditionsOfAccess": _CONDITIONS[one.access],
        "keywords": [*one.keywords, *one.diseases, *one.sites, *one.species],
        "measurementTechnique": list(one.modalities),
        "distribution": [_distribution(one)],
        "funding": [_funding(funder) for funder in one.funders],
        "citation": [_related(other.kind, other.value) for other in one.related if other.relation == "IsCitedBy"],
        "isBasedOn": [_related(other.kind, other.value) for other in one.related if other.relation == "IsDerivedFrom"],
        "size": f"{one.size_bytes} bytes",
    }
    return {key: value for key, value in found.items() if value not in ("", [])}


def _creator(creator: Creator) -> dict[str, Any]:
    if creator.is_organisation:
        return {"@type": "Organization", "name": creator.name} | ({"@id": creator.ror} if creator.ror else {})
    found: dict[str, Any] = {"@type": "Person", "name": f"{creator.given} {creator.family}".strip()}
    found |= {"givenName": creator.given, "familyName": creator.family} if creator.given else {}
    if creator.orcid:
        found["@id"] = f"https://orcid.org/{creator.orcid}"
    if creator.affiliation:
        place = {"@type": "Organization", "name": creator.affiliation}
        found["affiliation"] = place | ({"@id": creator.ror} if creator.ror else {})
    return found


def _funding(funder: Funder) -> dict[str, Any]:
    paid_by = {"@type": "Organization", "name": funder.name} | ({"@id": funder.ror} if funder.ror else {})
    return {"@type": "Grant", "funder": paid_by} | ({"identifier": funder.award} if funder.award else {})


def _related(kind: str, value: str) -> str:
    return f"https://doi.org/{value}" if kind == "DOI" else value


def _download_url(one: Description) -> str:
    return f"{one.site_url}/download?collection={one.short_name}"


def _distribution(one: Description) -> dict[str, Any]:
    return {
        "@type": "DataDownload",
        "encodingFormat": "application/dicom",
        "contentUrl": _download_url(one),
        "contentSize": f"{one.size_bytes} B",
    }


def croissant(one: Description) -> dict[str, Any]:
    """Return the description in the vocabulary of Croissant, with the files of the release as one set."""
    about = json_ld(one)
    archive = {
        "@type": "cr:FileObject",
        "@id": "package",
        "name": f"{one.short_name}.zip",
        "contentUrl": _download_url(one),
        "encodingFormat": "application/zip",
        "contentSize": f"{one.size_bytes} B",
    }
    files = {
        "@type": "cr:FileSet",
        "@id": "instances",
        "name": "DICOM instances",
        "containedIn": {"@id": "package"},
        "encodingFormat": "application/dicom",
        "includes": "**/*.dcm",
    }
    kept = (
        "name",
        "alternateName",
        "description",
        "license",
        "url",
        "creator",
        "publisher",
        "datePublished",
        "version",
    )
    return {
        "@context": _CROISSANT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        **{key: about[key] for key in kept},
        "keywords": about.get("keywords", []),
        "dateModified": about["dateModified"],
        "distribution": [archive, files],
    }


def signposts(one: Description) -> str:
    """Return the value of the header ``Link``: what cites it, describes it, licenses it, made it."""
    links = [(one.identifier, "cite-as", "")] if one.doi else []
    links += [(one.licence.url, "license", ""), ("https://schema.org/Dataset", "type", "")]
    links += [
        (f"{one.url}/metadata?format={name}", "describedby", media_type) for name, media_type in DESCRIBED_BY.items()
    ]
    links += [(f"https://orcid.org/{creator.orcid}", "author", "") for creator in one.creators if creator.orcid]
    links += [(_download_url(one), "item", "application/zip")]
    return ", ".join(
        f'<{address}>; rel="{relation}"' + (f'; type="{media_type}"' if media_type else "")
        for address, relation, media_type in links
    )


DESCRIBED_BY = {
    "datacite-json": "application/vnd.datacite.datacite+json",
    "datacite-xml": "application/vnd.datacite.datacite+xml",
    "json-ld": "application/ld+json",
    "croissant": "application/ld+json",
    "bibtex": "application/x-bibtex",
}
