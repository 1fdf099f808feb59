import pytest

from invivo.deidentification.private_tag import disposition


@pytest.mark.parametrize(
    ("group", "creator", "element", "code"),
    [
        (0x0019, "SIEMENS MR HEADER", 0x0C, "K"),  # B value: safe by the standard's own list
        (0x0029, "SIEMENS CSA HEADER", 0x10, "X"),
        (0x0029, "siemens csa header ", 0x1020, "X"),
        (0x01F1, "ELSCINT1", 0x26, "K"),
    ],
)
def test_the_strictest_list_decides(group: int, creator: str, element: int, code: str) -> None:
    fate = disposition(group, creator, element)
    assert fate is not None
    assert fate.code == code


def test_an_unknown_creator_has_no_disposition() -> None:
    assert disposition(0x0019, "KOWALCZYK", 0x0C) is None
