"""What is said in a picture: who it is goes, what was measured stays."""

import random
import time

import pytest

from invivo.deidentification.burned_in import Found, Known, judge, judge_all
from tests.deidentification.burned_in import drawing, screen_texts

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


@pytest.fixture(scope="module")
def headers() -> list[Known]:
    return [NOBODY, *(Known(screen_texts.header_of(person)) for person in screen_texts.PEOPLE)]


def test_of_a_thousand_clinical_pieces_nearly_all_stay_whoever_the_patient_is(headers: list[Known]) -> None:
    listed = screen_texts.pieces("clinical.txt")
    lost = [text for text in listed for known in headers if judge(said(text), known.finds) != "clinical"]
    assert len(listed) > 900
    assert len(lost) < 0.01 * len(listed) * len(headers)


def test_of_hundreds_of_identifying_pieces_without_a_header_nearly_none_stays() -> None:
    listed = screen_texts.pieces("identifying.txt")
    left = [text for text in listed if judge(said(text), NOBODY.finds) != "identifying"]
    assert len(listed) > 600
    assert len(left) <= 0.005 * len(listed), left


def test_lines_with_the_names_and_numbers_of_the_header_go(headers: list[Known]) -> None:
    lines = screen_texts.pieces("of_a_person.txt")
    left = [
        screen_texts.of_person(line, person)
        for line in lines
        for person, known in zip(screen_texts.PEOPLE, headers[1:], strict=True)
        if judge(said(screen_texts.of_person(line, person)), known.finds) != "identifying"
    ]
    assert len(left) <= 0.01 * len(lines) * len(screen_texts.PEOPLE), left


@pytest.mark.parametrize("seed", range(3))
def test_clinical_pieces_stay_although_misread(seed: int, headers: list[Known]) -> None:
    rng = random.Random(f"slip {seed}")
    read = [screen_texts.with_a_slip(text, rng) for text in screen_texts.pieces("clinical.txt")]
    kept = [text for text in read if judge(said(text), rng.choice(headers).finds) == "clinical"]
    assert len(kept) >= 0.93 * len(read)


@pytest.mark.parametrize("seed", range(3))
def test_identifying_pieces_go_although_misread(seed: int, headers: list[Known]) -> None:
    rng = random.Random(f"slip {seed}")
    strange = [screen_texts.with_a_slip(text, rng) for text in screen_texts.pieces("identifying.txt")]
    assert sum(judge(said(text), NOBODY.finds) == "identifying" for text in strange) >= 0.96 * len(strange)
    chosen = [(rng.randrange(len(screen_texts.PEOPLE)), line) for line in screen_texts.pieces("of_a_person.txt")]
    own = [
        (who, screen_texts.with_a_slip(screen_texts.of_person(line, screen_texts.PEOPLE[who]), rng))
        for who, line in chosen
    ]
    gone = [judge(said(text), headers[who + 1].finds) == "identifying" for who, text in own]
    assert sum(gone) >= 0.97 * len(own)


@pytest.mark.parametrize(
    "text", ["PHILIPS EPIQ 7", "GE LOGIQ E9", "Samsung XYLO 5", "BAKER CYST", "OFD 9.8 cm", "MR BRAIN", "DR CHEST"]
)
def test_devices_eponyms_measurements_and_modalities_are_no_names(text: str) -> None:
    assert judge(said(text), NOBODY.finds) == "clinical"


@pytest.mark.parametrize(
    "text",
    ["BAKER, ANN", "MR BAKER", "Dr Stone", "LONG, T", "WHITE ROSE", "KIM", "ALLEN", "PATEL", "SM1TH", "佐藤 花子"],
)
def test_names_that_are_words_or_like_words_are_names_still(text: str) -> None:
    assert judge(said(text), NOBODY.finds) == "identifying"


def test_a_daily_word_close_to_an_identifying_piece_goes_with_it_and_a_view_stays() -> None:
    pieces = [
        Found(0, 0, 60, 12, "WAY,", 0.9),
        Found(70, 0, 90, 12, "MRN 99182", 0.9),
        Found(164, 0, 40, 12, "PLAX", 0.9),
    ]
    assert judge_all(pieces, NOBODY.finds) == ["identifying", "identifying", "clinical"]


def test_an_unknown_word_under_an_identifying_one_goes_with_it() -> None:
    pieces = [
        Found(10, 10, 90, 12, "MRN 99182", 0.9),
        Found(12, 26, 60, 12, "zyxbar", 0.9),
        Found(12, 90, 60, 12, "zyxbar", 0.9),
    ]
    assert judge_all(pieces, NOBODY.finds) == ["identifying", "identifying", "unclear"]


def test_a_piece_is_judged_in_less_than_a_millisecond(headers: list[Known]) -> None:
    listed = screen_texts.pieces("clinical.txt")
    began = time.process_time()
    for text in listed:
        judge(said(text), headers[1].finds)
    assert (time.process_time() - began) / len(listed) < 0.001


@pytest.mark.parametrize("text", ["A" * 5000, "1 " * 3000, "Dr. " * 2000, "a.b@" * 2000, "12/" * 2000, "ſ" * 3000])
def test_hostile_text_is_judged_at_once(text: str) -> None:
    began = time.process_time()
    judge(said(text), Known(["Kowalczyk^Magdalena", "4471902"]).finds)
    assert time.process_time() - began < 0.5
