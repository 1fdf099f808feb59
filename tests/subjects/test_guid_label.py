"""A GUID is written so that a slip of the fingers is noticed."""

import itertools

import pytest

from invivo.subjects.guid_label import ALPHABET, BadLabel, fresh_label, read_guid


@pytest.fixture(scope="module", params=["guid", "pseudo"])
def labels(request: pytest.FixtureRequest) -> list[str]:
    return [fresh_label(request.param) for _ in range(40)]


def _is_taken(label: str) -> bool:
    try:
        read_guid(label)
    except BadLabel:
        return False
    return True


def test_a_fresh_label_is_read_back(labels: list[str]) -> None:
    assert [read_guid(one) for one in labels] == labels
    assert len(set(labels)) == 40


def test_every_single_wrong_character_is_noticed(labels: list[str]) -> None:
    for label in labels:
        start = label.index("-")
        for place in (at for at in range(start, len(label)) if label[at] != "-"):
            others = (label[:place] + letter + label[place + 1 :] for letter in ALPHABET if letter != label[place])
            assert not any(_is_taken(one) for one in others)


def test_every_swap_of_two_characters_is_noticed(labels: list[str]) -> None:
    for label in labels:
        prefix, letters = label.split("-", 1)
        plain = letters.replace("-", "")
        for one, other in itertools.combinations(range(len(plain)), 2):
            swapped = list(plain)
            swapped[one], swapped[other] = swapped[other], swapped[one]
            assert plain[one] == plain[other] or not _is_taken(prefix + "".join(swapped))


def test_one_prefix_is_not_taken_for_the_other(labels: list[str]) -> None:
    for label in labels:
        prefix, letters = label.split("-", 1)
        assert not _is_taken({"INV": "INVP-", "INVP": "INV-"}[prefix] + letters)


@pytest.mark.parametrize("written", ["inv7k3m9qxdy", " INV 7K3M 9QXD Y ", "INV-7k3m9QXD-y"])
def test_capitals_hyphens_and_blanks_do_not_matter(written: str) -> None:
    assert read_guid(written) == "INV-7K3M-9QXD-Y"


def test_letters_that_look_like_digits_are_read_as_digits() -> None:
    assert read_guid("INVP-OOOO-OOOO-H") == "INVP-0000-0000-H"


@pytest.mark.parametrize("written", ["", "INV", "NDAR_INVAB123456", "INV-7K3M-9QXD", "INV-UUUU-UUUU-U", "INV-" * 500])
def test_what_is_no_guid_is_refused(written: str) -> None:
    assert not _is_taken(written)
