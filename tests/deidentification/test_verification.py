from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset

from invivo.deidentification import Mapping, profile_named

Make = Callable[..., Dataset]
VERIFY = profile_named("verify")


def test_what_is_still_there_is_doubted_and_nothing_is_changed(ct: Make, passage: Any, mapping: Mapping) -> None:
    _, fresh, report = passage.through(ct(), VERIFY, mapping)
    paths = {doubt.path for doubt in report.doubts if doubt.code == "source.still-there"}
    assert {"PatientName", "AccessionNumber", "StudyDate", "ReferringPhysicianName", "PatientBirthDate"} <= paths
    assert fresh.PatientName == "Kowalczyk^Bronislava" and fresh.SOPInstanceUID == ct().SOPInstanceUID
    assert report.actions == () and report.leftovers == ()
    assert fresh.preamble == bytes(128)


def test_nested_values_and_private_elements_are_doubted(
    ct: Make, item: Make, nested: Make, passage: Any, mapping: Mapping
) -> None:
    ds = ct()
    ds.update(nested(item(OperatorsName="Zwingli^O"), 2))
    ds.private_block(0x0019, "X", create=True).add_new(1, "LO", "y")
    _, _, report = passage.through(ds, VERIFY, mapping)
    paths = {doubt.path for doubt in report.doubts}
    assert {"ReferencedSeriesSequence[0].ReferencedSeriesSequence[0].OperatorsName", "(0019,1001)"} <= paths


def test_what_our_own_profiles_made_raises_no_doubt(ct: Make, passage: Any, mapping: Mapping) -> None:
    for name in ("basic", "tcia"):
        ds = ct()
        ds.StudyDescription = "Liver of Kowalczyk"
        _, fresh, _ = passage.through(ds, profile_named(name), mapping)
        _, second, report = passage.through(fresh, VERIFY, mapping)
        assert report.doubts == ()
        assert second.PatientID == report.subject_label == mapping.subject_label("ZX9081726")


def test_text_with_a_date_is_doubted_although_text_was_declared_clean(ct: Make, passage: Any, mapping: Mapping) -> None:
    _, fresh, _ = passage.through(ct(), profile_named("tcia"), mapping)
    fresh.StudyDescription = "liver 12.04.2011"
    codes = fresh.DeidentificationMethodCodeSequence
    fresh.DeidentificationMethodCodeSequence = [item for item in codes if item.CodeValue != "113107"]
    _, _, report = passage.through(fresh, VERIFY, mapping)
    assert "StudyDescription" in [doubt.path for doubt in report.doubts]
