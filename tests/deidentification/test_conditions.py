"""What may stand only beside something else goes with it."""

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset

from invivo.deidentification import Mapping, Profile, profile_named

BOTH = pytest.mark.parametrize("profile", [profile_named("basic"), profile_named("tcia")], ids=["basic", "tcia"])
Make = Callable[[], Dataset]


@BOTH
def test_an_ethics_committee_does_not_stay_without_its_approval_number(
    ct: Make, passage: Any, mapping: Mapping, profile: Profile
) -> None:
    dataset = ct()
    dataset.ClinicalTrialProtocolEthicsCommitteeName = "Board of Kowalczyk"
    dataset.ClinicalTrialProtocolEthicsCommitteeApprovalNumber = "ZX9081726"
    output, cleaned, report = passage.through(dataset, profile, mapping)
    kept = [keyword for keyword in cleaned.dir() if keyword.startswith("ClinicalTrialProtocolEthicsCommittee")]
    assert kept in (
        [],
        ["ClinicalTrialProtocolEthicsCommitteeApprovalNumber", "ClinicalTrialProtocolEthicsCommitteeName"],
    )
    codes = {action.path: action.code for action in report.actions}
    assert codes["ClinicalTrialProtocolEthicsCommitteeName"] == ("D" if kept else "X")
    assert b"kowalczyk" not in output.lower()
