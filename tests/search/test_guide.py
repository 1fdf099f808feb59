"""Every example of the guide to the query language runs: each finds something and leaves something out."""

from collections.abc import Iterator

import pytest
from psycopg import connect
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from invivo import accounts, collections, search
from invivo.archive import Archive, make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.search import keeper
from invivo.settings import read_settings
from tests.factories import SYSTEM, actor_named, make_collection, make_image, make_person, publish
from tests.search.objects import report, segmentation, stack, structures
from tests.search.test_derived import describe_all

EXAMPLES = [one.text for one in search.examples()]
FAULTS = [one for part in search.guide() for one in part.examples if one.is_fault]
# What stands in the second column of the guide, and in its prose, and is a query too.
FURTHER = [
    "study without (modality:SEG)",
    "has-segmentation:yes",
    "EchoTime<20",
    "EchoTime>20",
    'contrast:""',
    "00180081<=20",
]


def region(meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "39607008", "SCT", meaning
    return [item]


def files() -> list[list[bytes]]:
    """Deliveries that hold what the examples ask, and what they leave out."""
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid()
    thin = stack(
        [0, 1, 2, 3], patient="P-1", PatientAge="064Y", SliceThickness=1, StudyDescription="Chest nodule, ground glass"
    )
    again = make_image(patient="P-1", StudyDate="20200302", SliceThickness=0.5, SeriesDescription="lung post contrast")
    thick = stack([0, 5, 10, 20], patient="P-2", PatientAge="031Y", PatientSex="M", StudyDate="20050301", size=32)
    odd = make_image(
        patient="P-3", StudyDate="20040110", SeriesDescription="2*CT", BodyPartExamined="LOWER LEG", ContrastBolusAgent="Iohexol",
        SliceThickness=2, StudyDescription="liver phantom",
    )  # fmt: skip
    resonance = [
        make_image(
            patient="P-4", Modality="MR", EchoTime=echo, number=number, study="1.2.826.0.1.3680043.8.498.5", SliceThickness=None,
            series="1.2.826.0.1.3680043.8.498.6", SOPClassUID="1.2.840.10008.5.1.4.1.1.4", SeriesDescription="lung or liver",
            ImageType=["DERIVED", "PRIMARY"], StudyDate="20090909", AnatomicRegionSequence=region("Right lung"),
        )
        for number, echo in ((1, 12), (2, 80))
    ]  # fmt: skip
    emission = make_image(patient="P-1", Modality="PT", SliceThickness=3, SourceImageSequence=[source])
    return [[*thin, again, segmentation(thin), report(thin), emission], [*thick, structures(thick)], [odd], resonance]


@pytest.fixture(scope="module")
def catalogue(postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    admin = postmaster.dsn.replace("dbname=invivo", "dbname=postgres")
    with connect(admin, autocommit=True) as tx:
        tx.execute("create database guide template invivo")
    home = tmp_path_factory.mktemp("guide")
    make_folders(home)
    read_key(home, may_make=True)
    dsn = postmaster.dsn.replace("dbname=invivo", "dbname=guide")
    archive = open_archive(read_settings(home, limits={"free_bytes": 0}), dsn, "invivo_staff")
    first, *others = files()
    publish(archive, make_collection(archive, "OPEN-1", licence="CC-BY-4.0"), first)
    further = make_collection(archive, "NC-1", licence="CC-BY-NC-4.0", species=("Phantom",))
    for delivery in others:
        publish(archive, further, delivery)
    describe_all(archive)
    as_it_was(archive)
    make_person(archive, "ada")
    keeper.read_now(archive)
    yield archive
    archive.database.close()


def as_it_was(archive: Archive) -> None:
    """Give back what de-identification takes: texts, dates and private attributes; and make one series large and old."""
    with archive.database.transaction() as tx:
        tx.execute(
            "update images.study set study_date = '2005-03-01' where id in (select study_id from images.series where rows = 32)"
        )
        tx.execute("insert into search.path (path) values ('GEMS_ACQU_01|0019xx02') on conflict do nothing")
        tx.execute(
            "insert into search.term (path_id, value, number) select id, '888', 888 from search.path"
            " where path = 'GEMS_ACQU_01|0019xx02'"
        )
        tx.execute(
            "update search.described set terms = terms || (select t.id from search.term t join search.path h on h.id = t.path_id"
            " where h.path = 'GEMS_ACQU_01|0019xx02') where series_id = (select min(id) from images.series where modality = 'MR')"
        )
        tx.execute(
            "update images.series set size_bytes = 3000000000, instance_count = 200, entered_at = '2019-01-01'"
            " where id = (select max(id) from images.series where modality = 'MR')"
        )


def taken(archive: Archive) -> accounts.Actor:
    """Somebody who took one series before another one came."""
    ada = actor_named(archive, "ada")
    row = search.find(archive, ada, search.read("segmented:lung")).rows[0]
    search.note_taken(archive, ada, [(row.collection_id, row.series_uid)])
    if search.count(archive, ada, search.read("new:yes")) == 0:
        one = collections.collection_named(archive, SYSTEM, "OPEN-1")
        publish(archive, one, [make_image(patient="P-8", SeriesDescription="fresh")])
    return ada


@pytest.mark.parametrize("text", [*EXAMPLES, *FURTHER])
def test_each_example_finds_something_and_leaves_something_out(catalogue: Archive, text: str) -> None:
    actor = taken(catalogue)
    query = search.read(text)
    found, whole = search.count(catalogue, actor, query), search.count(catalogue, actor, search.ALL)
    assert 0 < found < whole
    assert search.read(search.write(query)) == query


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda one: one.text)
def test_wrong_input_is_answered_as_the_guide_says(wrong: search.Example) -> None:
    with pytest.raises(search.BadQuery) as told:
        search.read(wrong.text)
    assert told.value.message == wrong.finds


def test_the_guide_has_examples() -> None:
    assert len(EXAMPLES) > 45
    assert len(FAULTS) > 9


def test_what_the_guide_counts_is_kept_for_a_while(catalogue: Archive) -> None:
    actor = taken(catalogue)
    told = search.counts_of_examples(catalogue, actor)
    assert set(told) == set(EXAMPLES)
    assert set(EXAMPLES) - set(search.counts_of_examples(catalogue, accounts.ANONYMOUS)) == {
        "modality:CT downloaded:no",
        "new:yes",
    }
