"""Readings of cells, in words and in a form that can be compared.

A reading is what ``fields.json`` allows: a word or words of a vocabulary, a number with a qualifier, yes or no, or an
object of such. The words are for people; `comparable` is what decides whether two cells say the same.
"""

import json
from collections.abc import Mapping
from typing import Any

LABELS = {
    "apache": "Apache",
    "bsd": "BSD",
    "cadsr_evs": "caDSR and EVS",
    "cli": "command line",
    "csv": "CSV",
    "ctp": "CTP",
    "dicom": "DICOM",
    "dicomweb": "DICOMweb",
    "dublin_core": "Dublin Core",
    "ecat": "ECAT",
    "ftp": "FTP",
    "gpl": "GPL",
    "https": "HTTPS",
    "itk": "what ITK reads",
    "java_applet": "Java applet",
    "java_webstart": "Java Web Start",
    "json": "JSON",
    "linux": "Linux",
    "mac": "Mac",
    "mesh": "MeSH",
    "nifti": "NIfTI",
    "ninds_cde": "NINDS common data elements",
    "none_filters": "no standard, own filters",
    "oai_pmh": "OAI-PMH",
    "pacs_push": "sent from a PACS",
    "ps3_15_e": "DICOM PS3.15 Annex E",
    "configurable_ps3_15_e": "configurable, DICOM PS3.15 Annex E",
    "rest": "REST",
    "rest_api": "REST",
    "rest_script": "script over REST",
    "s3": "S3",
    "sftp": "SFTP",
    "snomed": "SNOMED",
    "soap": "SOAP",
    "web_ui": "web page",
    "web_zip": "ZIP by web",
    "webdav": "WebDAV",
    "windows": "Windows",
    "xml": "XML",
    "xnat_schema": "XNAT schema",
    "zip": "ZIP",
}
UNITS = ("kB", "MB", "GB", "TB", "PB")
QUALIFIERS = {"about": "about ", "more_than": "more than "}


def _label(word: str, vocabulary: Any) -> str:
    described = vocabulary.get(word) if isinstance(vocabulary, Mapping) else None
    return described or LABELS.get(word) or word.replace("_", " ")


def _volume(size_bytes: float) -> str:
    amount, unit = float(size_bytes), "B"
    for name in UNITS:
        if amount < 1000:
            break
        amount, unit = amount / 1000, name
    return f"{amount:.3g} {unit}"


def _number(number: float, kind: str) -> str:
    if kind == "bytes":
        return _volume(number)
    return f"{number:g} %" if kind == "percent" else f"{number:,}"


def _object(read: Mapping[str, Any]) -> str:
    """Write an object as its parts: two sets, or numbers by name."""
    parts = []
    for name, value in read.items():
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            parts.append(f"{name}: {', '.join(_label(word, None) for word in value)}")
        elif isinstance(value, list):
            parts.append(f"{_label(name, None)} {' to '.join(f'{number:,}' for number in value)}")
        elif value is True:
            parts.append(_label(name, None))
        elif name != "qualifier":
            parts.append(f"{_label(name, None)} {_label(value, None) if isinstance(value, str) else f'{value:,}'}")
    sets = any(isinstance(value, list) and value and isinstance(value[0], str) for value in read.values())
    return QUALIFIERS.get(str(read.get("qualifier")), "") + ("; " if sets else ", ").join(parts)


def words(field: Mapping[str, Any], read: Any) -> str:
    """Write a reading in words.

    Parameters
    ----------
    field : Mapping
        The row's entry of ``fields.json``: ``type`` and, where it has one, its vocabulary in ``values``.
    read : object
        The reading; None where none was made.

    Examples
    --------
    >>> words({"type": "number"}, {"value": 1000, "qualifier": "more_than"})
    'more than 1,000'
    >>> words({"type": "bytes"}, {"value": 13_560_000_000_000, "qualifier": "exact"})
    '13.6 TB'
    """
    if read is None:
        return ""
    if isinstance(read, bool):
        return "yes" if read else "no"
    if isinstance(read, str | list):
        return ", ".join(_label(word, field.get("values")) for word in ([read] if isinstance(read, str) else read))
    if "value" not in read:
        return _object(read)
    if read["value"] is None:
        return _label(str(read["qualifier"]), None)
    return QUALIFIERS.get(str(read["qualifier"]), "") + _number(read["value"], str(field.get("type", "")))


def comparable(read: Any, text: str) -> str:
    """Give what decides whether two cells say the same: the reading without its qualifier, else the text.

    The order of a set of words means nothing; "about 99 %" and "99 %" are taken as the same.
    """
    if read is None:
        return " ".join(text.casefold().split())
    if isinstance(read, list):
        return json.dumps(sorted(read))
    if isinstance(read, Mapping):
        if read.get("value") is not None:
            return json.dumps(read["value"])
        plain = {
            name: sorted(value) if _is_words(value) else value for name, value in read.items() if value is not None
        }
        return json.dumps(plain, sort_keys=True)
    return json.dumps(read)


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)
