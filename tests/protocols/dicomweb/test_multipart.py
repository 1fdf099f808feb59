"""The multipart parser, against every way of cutting the body."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invivo.protocols.dicomweb.multipart import BadMultipart, Multipart, Truncated

# Two parts; the first holds a line that begins like the boundary but is none.
BODY = (
    b"preamble\r\n--bound\r\nContent-Type: application/dicom\r\n\r\nfirst\r\n--boundless\r\n--boun\r\n--bound  \r\n\r\nsecond\r\n"
    b"--bound--\r\nepilogue"
)
PARTS = [({"content-type": "application/dicom"}, b"first\r\n--boundless\r\n--boun"), ({}, b"second")]


def taken(chunks, boundary="bound"):
    return [(part.headers, b"".join(part.chunks)) for part in Multipart(iter(chunks), boundary)]


@given(st.lists(st.integers(0, len(BODY)), max_size=12))
def test_the_parts_do_not_depend_on_how_the_body_is_cut(cuts):
    places = sorted({0, len(BODY), *cuts})
    assert taken([BODY[a:b] for a, b in zip(places, places[1:], strict=False)]) == PARTS


@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 64))
def test_what_is_framed_comes_out_unchanged(contents, size):
    framed = b"".join(b"--Zq7\r\nA: b\r\n\r\n" + one + b"\r\n" for one in contents) + b"--Zq7--"
    chunks = [framed[start : start + size] for start in range(0, len(framed), size)]
    if any(b"--Zq7" in one for one in contents):
        return
    assert [body for _, body in taken(chunks, "Zq7")] == contents


def test_the_form_of_dicomweb_client_is_read():
    body = b"\r\n--0f3cf5c0\r\nContent-Type: application/dicom\r\n\r\nDICM\r\n--0f3cf5c0--"
    assert taken([body], "0f3cf5c0") == [({"content-type": "application/dicom"}, b"DICM")]


def test_a_part_that_was_not_read_is_passed_over():
    seen = [next(iter(part.chunks), b"") for part in Multipart(iter([BODY]), "bound")]
    assert len(seen) == 2


@pytest.mark.parametrize("length", [0, 5, 20, 60, len(BODY) - 12])
def test_a_body_that_ends_too_early_is_told(length):
    with pytest.raises(Truncated):
        taken([BODY[:length]])


@pytest.mark.parametrize(
    "body", [b"--b\r\n" + b"x" * 40_000, b"--b" + b" " * 1000 + b"\r\n\r\n--b--", b"--b\r\nno colon\r\n\r\n--b--"]
)
def test_malformed_heads_are_refused(body):
    with pytest.raises(BadMultipart):
        taken([body], "b")


@pytest.mark.parametrize("boundary", ["", "a\r\nb", "x" * 300])
def test_a_malformed_boundary_is_refused(boundary):
    with pytest.raises(BadMultipart):
        Multipart(iter([]), boundary)


def test_a_large_part_is_never_whole_in_memory():
    block = b"\0" * (1 << 16)
    body = [b"--b\r\n\r\n", *([block] * 64), b"\r\n--b--"]
    sizes = [len(chunk) for part in Multipart(iter(body), "b") for chunk in part.chunks]
    assert sum(sizes) == 64 << 16
    assert max(sizes) <= 2 << 16
