"""Names that are nearly as asked."""

import pytest

from invivo import search


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("mey", "Meyer^Hans"),
        ("HANS MEYER", "Meyer^Hans"),
        ("Meier", "Meyer^Hans"),
        ("Mueler", "Mueller^Anna"),
        ("muller", "Müller^Anna"),
        ("Stefenson", "Stevenson^Robert"),
        ("m?yer", "Meyer^Hans"),
        ("*eyer", "Meyer^Hans"),
        ("robret", "Meyer^Robert"),
        ("", "Meyer^Hans"),
    ],
)
def test_a_name_is_alike(asked, name):
    assert search.is_alike(asked, name)


@pytest.mark.parametrize(
    ("asked", "name"), [("Smith", "Meyer^Hans"), ("Hans Smith", "Meyer^Hans"), ("eyer", "Lee^Hans"), ("Li", "Le^An")]
)
def test_a_name_is_not_alike(asked, name):
    assert not search.is_alike(asked, name)
