"""Every attribute of every header can be asked, nested and private ones too, and every word of them."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from invivo import accounts, collections, images, search
from invivo.archive import Archive
from invivo.search import keeper
from invivo.search.header_term import terms_of
from tests.factories import SYSTEM, make_collection, make_image, publish

ANYBODY = accounts.ANONYMOUS


def region(meaning: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "39607008", "SCT", meaning
    return Sequence([item])


@pytest.fixture(scope="module")
def described(shared: Archive) -> Archive:
    """Three series: two of one study with varying echo times, one with a coded region; kept as they came."""
    files = [
        *(make_image(study="2.25.1", series="2.25.1.1", number=n, EchoTime=10 * n, patient="A") for n in (1, 2, 3)),
        make_image(study="2.25.1", series="2.25.1.2", EchoTime=7.5, patient="A", AcquisitionContrast="T1"),
        make_image(
            study="2.25.2", series="2.25.2.1", patient="B", AnatomicRegionSequence=region("Left lung, upper lobe")
        ),
    ]
    publish(shared, make_collection(shared, "KEPT", profile="verify"), files)
    for row in search.find(shared, SYSTEM, search.ALL).rows:
        search.describe_series(shared, row.key)
    return shared


def found(archive: Archive, text: str) -> int:
    query = search.read(text)
    in_database = search.count(archive, ANYBODY, query)
    keeper.read_now(archive)
    assert search.count(archive, ANYBODY, query) == in_database
    return in_database


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EchoTime:20", 1),
        ("EchoTime:20ms", 1),
        ("EchoTime<=10", 2),
        ("EchoTime:8..15", 1),
        ("EchoTime:*", 2),
        ("EchoTime:none", 1),
        ("not EchoTime:20", 2),
        ("(0018,0081)>25", 1),
        ("AnatomicRegionSequence.CodeMeaning:*lung*", 1),
        ('AnatomicRegionSequence.CodeMeaning:"LEFT lung, upper lobe"', 1),
        ("AnatomicRegionSequence:*", 1),
        ("AcquisitionContrast:T1", 1),
        ("lobe", 1),
        ('"upper lobe"', 1),
        ('"lobe upper"', 0),
        ("lobe axial", 1),
        ("upp* LUNG", 1),
        ("ImageType:AXIAL", 3),
        ("PatientSex:F and EchoTime>0", 2),
    ],
)
def test_what_a_header_says_is_found(described: Archive, text: str, expected: int) -> None:
    assert found(described, text) == expected


def test_an_answer_changes_with_what_is_described(archive: Archive) -> None:
    publish(archive, make_collection(archive, "LATER", profile="verify"), [make_image(EchoTime=5)])
    keeper.read_now(archive)
    query = search.read("EchoTime:5")
    assert search.count(archive, ANYBODY, query) == 0
    (row,) = search.find(archive, ANYBODY, search.ALL).rows
    search.describe_series(archive, row.key)
    assert keeper.seen_by(archive, ANYBODY) is not None
    assert search.count(archive, ANYBODY, query) == 1


def test_what_nobody_described_is_queued(archive: Archive) -> None:
    publish(archive, make_collection(archive, "LATER", profile="verify"), [make_image()])
    assert search.describe_forgotten(archive) == 0  # its own job is on its way
    with archive.database.transaction() as tx:
        tx.execute("update images.series set entered_at = now() - interval '1 hour'")
    assert search.describe_forgotten(archive) == 1


def test_a_hidden_series_is_found_by_nothing_that_its_header_says(archive: Archive) -> None:
    one = make_collection(archive, "SECRET", profile="verify", access="private")
    publish(archive, one, [make_image(EchoTime=5, ImageComments="a word of its own")])
    (row,) = search.find(archive, SYSTEM, search.ALL).rows
    search.describe_series(archive, row.key)
    assert found(archive, "EchoTime:5") == 0
    assert search.count(archive, SYSTEM, search.read("EchoTime:5")) == 1


def test_the_index_over_terms_is_used(described: Archive) -> None:
    with described.database.transaction() as tx:
        tx.execute("set local enable_seqscan = off")
        plan = tx.execute(
            "explain select g.series_id from search.described g where g.terms && array(select d.id from search.term d"
            " where d.path_id = 1 and d.value = 'x')"
        ).fetchall()
        assert any("described_terms" in line[0] for line in plan)
        assert not tx.execute("select from pg_extension where extname = 'intarray'").fetchall()


def test_terms_of_long_odd_and_private_values() -> None:
    header = {
        "00104000": {"vr": "LT", "Value": ["word " * 300]},
        "00190010": {"vr": "LO", "Value": ["GEMS_ACQU_01"]},
        "00191004": {"vr": "DS", "Value": [1.5, 2]},
        "00101010": {"vr": "AS", "Value": ["018M"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane", "Ideographic": "X"}]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "x"},
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", None, ""]},
        "00180081": {"vr": "DS", "Value": ["1e400"]},
    }
    told = {(one.path, one.value): one for one in terms_of(header)}
    assert told["GEMS_ACQU_01|0019xx04", "1.5"].number == 1.5
    assert told["PatientAge", "018M"].number == 1.5
    assert {value for path, value in told if path == "PatientName"} == {"Doe^Jane", "X"}
    assert sum(len(value.split()) for path, value in told if path == "PatientComments") < 300
    assert all(len(value) <= 500 for _, value in told)
    assert told["EchoTime", "1e400"].number is None


def test_a_series_that_is_gone_is_not_described(archive: Archive) -> None:
    with pytest.raises(images.UnknownSeries):
        search.describe_series(archive, 4711)
    assert collections.listed(archive, ANYBODY) == []
