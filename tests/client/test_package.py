"""What a package lists: bags too, and never a name that leads out."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from invivo.client import Pace
from invivo.client.package import Corrupt, listed_at_head, names_of, unpack

CONTENT = {"A/1.dcm": b"one" * 100, "A/2.dcm": b"two" * 100}


def write(path: Path, *, is_bag: bool, wrong: bool = False) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        if is_bag:
            out.writestr("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
        lines = [
            f"{hashlib.sha256(content).hexdigest()}  {'data/' if is_bag else ''}{name}"
            for name, content in CONTENT.items()
        ]
        out.writestr("README.txt", "read me")
        out.writestr("LICENCE.txt", "CC BY")
        out.writestr("CITATIONS.txt", "Roe")
        out.writestr("refused.csv", "series_uid,reason\n")
        out.writestr("manifest-sha256.txt", "\n".join(lines) + "\n")
        for name, content in CONTENT.items():
            out.writestr(("data/" if is_bag else "") + name, content[::-1] if wrong else content)
    return path


@pytest.mark.parametrize("is_bag", [True, False])
def test_bags_and_plain_packages_give_the_same_files(tmp_path: Path, is_bag: bool) -> None:
    part = write(tmp_path / "x.part", is_bag=is_bag)
    kept = unpack(part, tmp_path / "to", "", Pace())
    assert {one.path for one in kept} == CONTENT.keys()
    assert {name: (tmp_path / "to" / name).read_bytes() for name in CONTENT} == CONTENT
    beside = {path.name for path in (tmp_path / "to").iterdir() if path.is_file()}
    assert beside == {"README.txt", "LICENCE.txt", "CITATIONS.txt", "refused.csv"}


@pytest.mark.parametrize("is_bag", [True, False])
def test_the_beginning_of_a_package_tells_its_list(tmp_path: Path, is_bag: bool) -> None:
    whole = write(tmp_path / "x", is_bag=is_bag).read_bytes()
    part = tmp_path / "part"
    part.write_bytes(whole[: whole.index(b"one" * 100) + 7])
    found = listed_at_head(part)
    assert found is not None
    assert {path for path, _ in found.values()} == CONTENT.keys()
    part.write_bytes(whole[: whole.index(b"  data/A" if is_bag else b"  A/")])
    assert listed_at_head(part) is None


def test_wrong_bytes_get_no_name(tmp_path: Path) -> None:
    part = write(tmp_path / "x.part", is_bag=True, wrong=True)
    with pytest.raises(Corrupt):
        unpack(part, tmp_path / "to", "", Pace())
    assert not [path for path in (tmp_path / "to").rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a\\b", ".invivo/x.done", "C:x", "data/../x"])
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(Corrupt):
        names_of(f"{'0' * 64}  {name}\n", is_bag=name.startswith("data/"))


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(Corrupt):
        names_of(f"{'0' * 64}  a/x.dcm\n{'1' * 64}  A/X.dcm\n", is_bag=False)
