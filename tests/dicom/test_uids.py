"""UIDs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invivo import dicom


@given(st.binary(min_size=1, max_size=40), st.text(alphabet="0123456789.", min_size=1, max_size=64))
def test_a_derived_uid_is_valid_and_always_the_same(secret, uid):
    derived = dicom.derive_uid(secret, uid)
    assert dicom.is_valid(derived)
    assert derived == dicom.derive_uid(secret, uid)


def test_secrets_derive_different_uids():
    assert dicom.derive_uid(b"a", "1.2") != dicom.derive_uid(b"b", "1.2")


def test_new_uids_are_valid_and_differ():
    made = {dicom.new_uid() for _ in range(100)}
    assert len(made) == 100
    assert all(dicom.is_valid(uid) for uid in made)


@pytest.mark.parametrize("uid", ["", ".", "1.", ".1", "1..2", "1.2 ", "1.2\n", "١.٢", "1" * 65, "1.2/3"])
def test_what_is_no_uid_is_told(uid):
    assert not dicom.is_valid(uid)


def test_registered_uids_have_names_and_others_none():
    assert dicom.name_of("1.2.840.10008.1.2.1") == "Explicit VR Little Endian"
    assert dicom.well_known("1.2.840.10008.1.2.1")
    assert dicom.name_of("1.2.3") is None
