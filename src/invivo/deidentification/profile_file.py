"""Profiles written by people: a text in TOML that begins with a built-in profile and says what is different."""

import re
import tomllib
from typing import Any

from invivo.deidentification.profile import OPTIONS, ContradictoryProfile, Profile, Rule, profile_named

LARGEST_CHARACTERS = 1 << 20
_KNOWN = frozenset({"name", "version", "title", "base", "options", "without", "rules", "hide_all_text"})
_IN_RULE = frozenset({"attribute", "action", "value"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,15}")


def profile_of_text(text: str) -> Profile:
    """Read a profile.

    ``base`` names a built-in profile; ``options`` are added to its own, ``without`` are taken off. With
    ``hide_all_text`` no burned-in text stays. Each of ``rules`` has ``attribute`` (keyword, tag, or a path of them with
    slashes), ``action`` (D, Z, X, K, C or U) and, for D, ``value``.

    Raises
    ------
    ContradictoryProfile
        Not TOML, an unknown word, or options or rules that cannot be. The message says where.
    UnknownProfile
    UnknownAttribute
    """
    if len(text) > LARGEST_CHARACTERS:
        raise ContradictoryProfile("The profile is longer than a profile may be.")
    try:
        read: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ContradictoryProfile(f"The profile is no TOML: {error}.") from None
    _only(read, _KNOWN, "the profile")
    base = profile_named(_word(read, "base", "basic"))
    rules = read.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ContradictoryProfile("Rules are written as tables: [[rules]].")
    return Profile(
        name=_formed(read, "name", _NAME),
        version=_formed(read, "version", _VERSION),
        title=_word(read, "title", base.title),
        options=(base.options | _options(read, "options")) - _options(read, "without"),
        rules=(*base.rules, *(_rule(number, rule) for number, rule in enumerate(rules, 1))),
        verifies_only=base.verifies_only,
        hides_all_text=read.get("hide_all_text", False) is True,
    )


def _only(read: dict[str, Any], known: frozenset[str], where: str) -> None:
    for word in read:
        if word not in known:
            raise ContradictoryProfile(f"There is no {word!r} in {where}; known are {', '.join(sorted(known))}.")


def _word(read: dict[str, Any], key: str, default: str) -> str:
    value = read.get(key, default)
    if not isinstance(value, str):
        raise ContradictoryProfile(f"{key} of the profile must be text in quotation marks.")
    return value


def _formed(read: dict[str, Any], key: str, form: re.Pattern[str]) -> str:
    value = _word(read, key, "")
    if not form.fullmatch(value):
        raise ContradictoryProfile(f"The profile needs a {key} of letters, digits, points and dashes.")
    return value


def _options(read: dict[str, Any], key: str) -> frozenset[str]:
    value = read.get(key, [])
    if not isinstance(value, list) or not all(isinstance(option, str) for option in value):
        raise ContradictoryProfile(f"{key} of the profile must be a list of texts.")
    unknown = sorted(set(value) - OPTIONS.keys())
    if unknown:
        raise ContradictoryProfile(f"There is no option {unknown[0]!r}; there are {', '.join(OPTIONS)}.")
    return frozenset(value)


def _rule(number: int, read: dict[str, Any]) -> Rule:
    _only(read, _IN_RULE, f"rule {number}")
    attribute, code, value = read.get("attribute"), read.get("action"), read.get("value")
    if not isinstance(attribute, str) or not isinstance(code, str) or not (value is None or isinstance(value, str)):
        raise ContradictoryProfile(f"Rule {number} needs an attribute and an action, both text.")
    if value is not None and code != "D":
        raise ContradictoryProfile(f"Rule {number} has a value, which only action D writes.")
    return Rule(attribute, code, value)
