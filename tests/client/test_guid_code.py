"""Codes are the same wherever they are made: in Python, in the browser's script, and in the documentation."""

import json
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from invivo import client, subjects
from invivo.client.guid_code import parameters_of
from invivo.errors import Conflict, Invalid
from tests.client.guid_vectors import ANNA, PYOTR, SALT

ROOT = Path(__file__).parents[2]
TOLD = {**subjects.guid_rules(), "salt": SALT}
NODE = shutil.which("node")
SCRIPT = """
import { codesOf, messagesOf, personOf, plainName } from "./guid.mjs";
import { readFileSync } from "node:fs";
const { rules, people, names } = JSON.parse(readFileSync(0, "utf8"));
const read = people.map((cells) => personOf(rules, cells));
const codes = await codesOf({ ...rules, iterations: 100 }, read[0].fields);
process.stdout.write(JSON.stringify({
  read, codes, messages: read.map((one) => messagesOf(rules, one.fields)), names: names.map((name) => plainName(rules, name)),
}));
"""


def codes(person: dict[str, str]) -> dict[str, str]:
    fields, parameters = client.person_of(person)[0], parameters_of(TOLD)
    return client.codes_of(fields, parameters)


def test_the_vectors_of_the_documentation_hold() -> None:
    written = (ROOT / "docs" / "guids.md").read_text("utf-8")
    assert SALT in written
    for person in (ANNA, PYOTR):
        for name, code in codes(person).items():
            assert f"| {name} | `{code}` |" in written
    for value in (*ANNA.values(), *PYOTR.values()):
        assert value in written


def test_the_documentation_gives_the_text_that_is_hashed() -> None:
    written = (ROOT / "docs" / "guids.md").read_text("utf-8")
    assert client.messages_of(client.person_of(ANNA)[0])["full"] in written


def test_a_combination_without_all_its_fields_has_no_code() -> None:
    assert list(client.messages_of(client.person_of(PYOTR)[0])) == ["full", "names", "family", "given", "date"]
    assert {"document", "mother", "mother_day"} <= client.messages_of(client.person_of(ANNA)[0]).keys()


def test_another_salt_gives_other_codes() -> None:
    fields = {"given_name": "x", "family_name": "y", "birth_date": "2000-01-01", "birth_country": "DE"}
    one, other = (client.codes_of(fields, client.Parameters(1, salt, 1)) for salt in (b"1" * 32, b"2" * 32))
    assert one.keys() == other.keys() == {"names"}
    assert one != other


@pytest.mark.parametrize("change", [{"iterations": 1}, {"version": 2}, {"hash": "SHA-1"}, {"combinations": {}}])
def test_an_archive_cannot_talk_the_client_into_weaker_codes(change: dict[str, object]) -> None:
    with pytest.raises(Conflict):
        parameters_of({**TOLD, **change})


@pytest.mark.parametrize("salt", ["", "00", "zz" * 32, "00" * 100])
def test_an_unusable_salt_is_refused(salt: str) -> None:
    with pytest.raises(Invalid):
        parameters_of({**TOLD, "salt": salt})


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_pages_script_makes_the_same_of_the_same_people(tmp_path: Path) -> None:
    shutil.copy(ROOT / "src" / "invivo" / "web" / "static" / "guid.js", tmp_path / "guid.mjs")
    (tmp_path / "run.mjs").write_text(SCRIPT)
    letters = [
        chr(point) for point in range(0x20, 0x20000) if unicodedata.category(chr(point)) not in ("Cn", "Cs", "Co")
    ]
    names = ["".join(letters[start : start + 40]) for start in range(0, len(letters), 40)]
    people = [ANNA, PYOTR, ANNA | {"birth_day": "31", "sex": "?", "middle_name": ""}, {}]
    given = json.dumps({"rules": TOLD, "people": people, "names": names})
    done = subprocess.run(
        [str(NODE), "run.mjs"], check=True, cwd=tmp_path, input=given, capture_output=True, text=True, timeout=60
    )
    told = json.loads(done.stdout)
    read = [client.person_of(one) for one in people]
    assert [one["fields"] for one in told["read"]] == [fields for fields, _ in read]
    assert [{name for name, _ in one["problems"]} for one in told["read"]] == [
        {problem.column for problem in problems} for _, problems in read
    ]
    assert told["messages"] == [client.messages_of(fields) for fields, _ in read]
    assert told["codes"] == client.codes_of(read[0][0], client.Parameters(1, bytes.fromhex(SALT), 100))
    differing = [at for at, name in enumerate(names) if told["names"][at] != client.plain_name(name)]
    assert not differing, f"{len(differing)} of {len(names)} differ in {sys.version_info[:2]}"
