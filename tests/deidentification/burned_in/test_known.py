"""What the header knows is found in misread text, and in nothing else."""

import random

import pytest

from invivo.deidentification.burned_in import Known
from invivo.deidentification.burned_in.known import nearest, stands_nearly

SOMEONE = Known(["Kowalczyk^Magdalena", "4471902", "19610315", "St Brendan Hospital", "Tran^Li"])


@pytest.mark.parametrize(
    "text",
    [
        "KOWALCZYK", "K0WALCZYK", "Kowa1czyk,Magda1ena", "MAGDALENA K", "owalczyk", "KOWALC", "447 1902", "44719O2", "471902",
        "15.03.1961", "15MAR1961", "1961/03/15", "BRENDAN", "TRAN LI", "Tran, L", "LI TRAN",
    ],
)  # fmt: skip
def test_what_the_header_says_is_found(text: str) -> None:
    assert SOMEONE.finds(text)


@pytest.mark.parametrize("text", ["TRANS", "RT LOBE TRANS", "LI", "44", "1961 HU", "MAG 2.0", "12.3 mm", "", "±"])
def test_words_of_a_screen_are_no_misread_names(text: str) -> None:
    assert not SOMEONE.finds(text)


def test_a_name_that_is_a_word_is_found_with_the_initial_of_the_other() -> None:
    assert Known(["Long^Hand"]).finds("LONG H.")
    assert not Known(["Long^Hand"]).finds("LONG L")


def test_a_name_of_a_person_that_is_a_daily_word_is_found_alone() -> None:
    assert Known(["White^Rose"]).finds("WHITE")
    assert not Known(["White River Medical Center"]).finds("WHITE")


def test_a_known_without_values_finds_nothing() -> None:
    assert not Known([])
    assert not Known(["", "^", "=="]).finds("Kowalczyk")


@pytest.mark.parametrize("seed", range(20))
def test_the_quick_search_agrees_with_the_edit_distance(seed: int) -> None:
    rng = random.Random(f"near {seed}")
    for _ in range(100):
        text = "".join(rng.choice("abc") for _ in range(rng.randrange(12)))
        term = "".join(rng.choice("abc") for _ in range(rng.randrange(3, 9)))
        allowed = rng.randrange(3)
        assert stands_nearly(term, text, allowed) == (nearest(term, text) <= allowed)
