"""Words of screens are known although they were misread, cut or run together; names are not."""

import pytest

from invivo.deidentification.burned_in.vocabulary import common_names, is_known, screen_words, unknown_words


@pytest.mark.parametrize(
    "text",
    [
        "KIDNEY", "K1DNEY", "KlDNEY", "LEFTKIDNEY", "RTOV", "LDECUB", "SonoCT", "PeripheralVenous", "LIVE", "TRANSVERS",
        "Abdomeh", "5TRE5S", "UPRI6HT", "12.3 crn", "72 bprn", "1Omin", "A4C", "C5-1", "X8-2t", "M5Sc-D", "T1W_TSE", "RMLOS", "kidneys",
    ],
)  # fmt: skip
def test_words_of_a_screen_are_known(text: str) -> None:
    assert unknown_words(text) == []


@pytest.mark.parametrize(
    "word",
    [
        "Whitehead",
        "Armstrong",
        "Wright",
        "DeLong",
        "McCord",
        "Petrov",
        "Rivera",
        "Allen",
        "5MITH",
        "J0HN",
        "Ли",
        "李雷",
    ],
)
def test_names_are_no_words_of_a_screen(word: str) -> None:
    assert unknown_words(word) != []


def test_no_word_is_a_name_and_a_word_of_a_screen() -> None:
    assert not common_names() & screen_words()


def test_a_word_of_any_length_is_judged() -> None:
    assert not is_known("liver" * 2000)
