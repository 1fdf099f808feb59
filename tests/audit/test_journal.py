"""Looking for entries, and giving them to other programs."""

import base64
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from invivo import audit
from invivo.archive import Archive

TODAY = datetime.now(UTC).date()
WRITTEN = [
    ("person:1", "release.publish", "collection:1", {"release": 2}),
    ("person:12", "collection.add-member", "collection:12", {"role": "owner"}),
    ("anonymous", "download.package", "collection:1", {"note": '=HYPERLINK("x") <&>'}),
]


@pytest.fixture
def written(archive: Archive) -> Archive:
    with archive.database.transaction() as tx:
        for actor, verb, thing, detail in WRITTEN:
            audit.note(tx, actor, verb, thing, **detail)
    return archive


def found(archive: Archive, **asked: object) -> list[str]:
    with archive.database.transaction() as tx:
        return [one.verb for one in audit.search(tx, audit.Asked(**asked))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ({"actor": "person:1"}, 1),
        ({"actor": "person:1*"}, 2),
        ({"verb": "collection.*"}, 1),
        ({"thing": "collection:1"}, 2),
        ({"thing": "collection:1", "actor": "anonymous"}, 1),
        ({"since": TODAY, "until": TODAY}, 3),
        ({"since": TODAY + timedelta(1)}, 0),
        ({"until": TODAY - timedelta(1)}, 0),
        ({"actor": "%"}, 0),
    ],
)
def test_an_entry_is_found_by_who_what_whom_and_when(written: Archive, asked: dict[str, object], number: int) -> None:
    assert len(found(written, **asked)) == number


def test_a_search_goes_on_from_an_entry(written: Archive) -> None:
    with written.database.transaction() as tx:
        first = audit.search(tx, audit.Asked(), 1)[0]
        assert [one.id for one in audit.search(tx, audit.Asked(), 1, first.id)] == [first.id - 1]


def test_every_verb_is_listed_once(written: Archive) -> None:
    with written.database.transaction() as tx:
        assert audit.verbs(tx) == sorted({verb for _, verb, _, _ in WRITTEN})


def exported(archive: Archive, form: str) -> bytes:
    with archive.database.transaction() as tx:
        return b"".join(audit.write(form, audit.search(tx, audit.Asked()), "Test <archive>"))


def test_csv_has_a_line_an_entry_and_no_formula(written: Archive) -> None:
    with written.database.transaction() as tx:
        audit.note(tx, "=cmd()", "test.formula", "thing:1")
    lines = list(csv.DictReader(io.StringIO(exported(written, "csv").decode())))
    assert len(lines) == 4
    assert lines[0]["actor"] == "'=cmd()"
    assert json.loads(lines[-1]["detail"]) == {"release": 2}


def test_json_parses_and_has_every_field(written: Archive) -> None:
    told = json.loads(exported(written, "json"))
    assert [one["verb"] for one in told] == [one[1] for one in reversed(WRITTEN)]
    assert told[0]["detail"] == WRITTEN[2][3]


def test_no_entries_are_an_empty_document_in_every_form(archive: Archive) -> None:
    assert json.loads(b"".join(audit.write("json", [], "x"))) == []
    assert b"".join(audit.write("csv", [], "x")).startswith(b"id,at")
    assert len(ElementTree.fromstring(b"".join(audit.write("xml", [], "x")))) == 0


def test_audit_messages_have_the_parts_that_dicom_requires(written: Archive) -> None:
    messages = list(ElementTree.fromstring(exported(written, "xml")))
    assert len(messages) == 3
    for message in messages:
        event = message.find("EventIdentification")
        assert event is not None
        assert {"EventActionCode", "EventDateTime", "EventOutcomeIndicator"} <= event.attrib.keys()
        code = event.find("EventID")
        assert code is not None and code.get("codeSystemName") == "DCM"
        assert message.find("ActiveParticipant") is not None
        source = message.find("AuditSourceIdentification")
        assert source is not None and source.get("AuditSourceID") == "Test <archive>"
    ids = [message.find("EventIdentification/EventID").get("csd-code") for message in messages]  # type: ignore[union-attr]
    assert ids == ["110106", "110113", "110104"]
    detail = messages[0].find(".//ParticipantObjectDetail")
    assert detail is not None
    assert json.loads(base64.b64decode(detail.get("value", ""))) == WRITTEN[2][3]
