"""What is said in a picture: who it is goes, what was measured stays."""

import random

import pytest

from invivo.deidentification.burned_in import Found, Known, judge, judge_all
from tests.deidentification.burned_in import drawing

NOBODY = Known([])
MISREAD = {"O": "0", "0": "O", "1": "l", "l": "1", "I": "l", "S": "5", "5": "S", "B": "8", "8": "B", "m": "rn", " ": ""}


def said(text: str, x: int = 0, y: int = 0, confidence: float = 0.95) -> Found:
    return Found(x, y, 10 * len(text), 12, text, confidence)


def misread(text: str, rng: random.Random) -> str:
    return "".join(MISREAD.get(letter, letter) if rng.random() < 0.12 else letter for letter in text)


@pytest.mark.parametrize(
    "text", [*drawing.CLINICAL, "FR34Hz", "LEFTKIDNEY", "MI:0.9 TIS:0.6", "T1W_TSE", "PAERECT", "12:45"]
)
def test_clinical_text_stays_without_a_header(text: str) -> None:
    assert judge(said(text), NOBODY.finds) == "clinical"


@pytest.mark.parametrize("seed", range(12))
def test_clinical_text_stays_whoever_the_patient_is(seed: int) -> None:
    known = Known(drawing.person(random.Random(f"who {seed}")).header())
    kept = [text for text in drawing.CLINICAL if judge(said(text), known.finds) == "clinical"]
    assert len(kept) >= len(drawing.CLINICAL) - 1


@pytest.mark.parametrize("seed", range(12))
def test_header_strings_are_found_although_misread(seed: int) -> None:
    rng = random.Random(f"misread {seed}")
    someone = drawing.person(rng)
    known = Known(someone.header())
    missed = [line for line in someone.lines(rng) * 4 if judge(said(misread(line, rng)), known.finds) != "identifying"]
    assert missed == []


@pytest.mark.parametrize(
    "text",
    [
        "1970-1-2", "02.01.1970", "01/02/70", "2 Jan 1970", "JAN 2, 1970", "19700102", "02-JAN-1970", "O2.01.l970",
        "14:33:21", "Name: X", "DOB", "MRN 12", "Acc# 99182", "(555) 123-4567", "8812345", "Dr. Who", "General Hospita1",
        "Klinik Sud", "SMITH, JOHN", "MILLER^ANN", "John Smith", "a.b@example.org", "University of Somewhere",
    ],
)  # fmt: skip
def test_identifying_forms_need_no_header(text: str) -> None:
    assert judge(said(text), NOBODY.finds) == "identifying"


def test_an_unknown_word_beside_an_identifying_one_goes_with_it() -> None:
    line = [said("Name:", 0, 0), said("zyxbar", 60, 1), said("zyxbar", 60, 90)]
    assert judge_all(line, NOBODY.finds) == ["identifying", "identifying", "unclear"]


def test_a_box_without_text_is_unclear() -> None:
    assert judge(said(""), NOBODY.finds) == "unclear"


def test_a_name_that_is_a_word_needs_its_other_part() -> None:
    known = Known(["Long^White"])
    assert not known.finds("LONG axis")
    assert known.finds("White Long")


def test_a_fragment_that_touches_an_identifying_piece_goes_with_it() -> None:
    pieces = [
        Found(0, 0, 20, 12, "21-", 0.8),
        Found(22, 0, 90, 12, "0CT-1998", 0.9),
        Found(200, 0, 50, 12, "MI 0.8", 0.9),
    ]
    assert judge_all(pieces, NOBODY.finds) == ["identifying", "identifying", "clinical"]
