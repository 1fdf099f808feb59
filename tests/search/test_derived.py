"""Facts that no single header tells: geometry, references, licences, who has downloaded what; in the database and in memory."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import connect
from pydicom.uid import generate_uid

from invivo import accounts, collections, images, jobs, search, usage, worker
from invivo.archive import Archive, make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.search import keeper, result
from invivo.settings import read_settings
from tests.factories import SYSTEM, actor_named, make_collection, make_image, make_person, make_series, publish
from tests.search.objects import report, segmentation, stack, structures

ANYBODY = accounts.ANONYMOUS
WOMAN = {"PatientAge": "064Y", "SliceThickness": 1, "patient": "P-1"}


def describe_all(archive: Archive) -> None:
    with archive.database.transaction() as tx:
        keys = [row.key for row in tx.execute("select key from images.series where upper_inf(releases) order by key")]
    for key in keys:
        search.describe_series(archive, key)


def fill(archive: Archive) -> None:
    """Thin CT with lungs and a report; thick CT with structures; CT with a gap; MR without anything; hidden lungs."""
    thin = stack([0, 1, 2, 3], SeriesDescription="thin", **WOMAN)
    thick = stack([0, 5, 10], SeriesDescription="thick", patient="P-2", FrameOfReferenceUID=generate_uid())
    gap = stack([0, 2, 4, 8, 10], SeriesDescription="gap", patient="P-3", ImageType=["DERIVED", "SECONDARY"])
    early = make_image(SeriesDescription="early", Modality="MR", patient="P-4", StudyDate="20200101")
    late = make_image(SeriesDescription="late", Modality="MR", patient="P-4", StudyDate="20200131")
    open_one = make_collection(archive, "OPEN-1", licence="CC-BY-4.0")
    publish(archive, open_one, [*thin, segmentation(thin, ["Left Lung", "Tumor"]), report(thin)])
    publish(archive, open_one, [*thick, structures(thick, by_frame=True)])
    closed = make_collection(archive, "NC-1", licence="CC-BY-NC-4.0", species=("Phantom",))
    publish(archive, closed, [*gap, early, late])
    publish(archive, make_collection(archive, "SECRET", access="private"), [segmentation(gap, ["Lung"])])
    describe_all(archive)
    with archive.database.transaction() as tx:  # as if it had been made of the released series
        tx.execute(
            "update images.reference r set uid = (select uid from images.series where description = 'gap')"
            " from images.series s join collections.collection c on c.id = s.collection_id"
            " where s.id = r.series_id and c.short_name = 'SECRET'"
        )


@pytest.fixture(scope="module")
def catalogue(postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    admin = postmaster.dsn.replace("dbname=invivo", "dbname=postgres")
    with connect(admin, autocommit=True) as tx:
        tx.execute("create database derived template invivo")
    home = tmp_path_factory.mktemp("derived")
    make_folders(home)
    read_key(home, may_make=True)
    dsn = postmaster.dsn.replace("dbname=invivo", "dbname=derived")
    archive = open_archive(read_settings(home, limits={"free_bytes": 0}), dsn, "invivo_staff")
    fill(archive)
    make_person(archive, "ada")
    make_person(archive, "bob", "curator")
    keeper.read_now(archive)
    yield archive
    archive.database.close()


def found(archive: Archive, text: str, actor: accounts.Actor = ANYBODY) -> set[str]:
    """Ask in memory and in the database; both must say the same."""
    query = search.read(text)
    assert search.read(search.write(query)) == query
    bound = search.meaning.bound(archive, actor, query)
    rows = result._rows(archive, actor, bound, "series", {"after": 0, "offset": 0, "limit": 1000})
    assert keeper.seen_by(archive, actor) is not None
    page = search.find(archive, actor, query, limit=1000)
    assert [row.place for row in page.rows] == [row.place for row in rows]
    assert page.total == len(rows)
    return {row.series_description if row.modality in ("CT", "MR") else row.modality for row in page.rows}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("geometry:regular modality:CT", {"thin", "thick"}),
        ("geometry:irregular", {"gap"}),
        ("geometry:unknown modality:MR", {"early", "late"}),
        ("slices>=4 modality:CT", {"thin", "gap"}),
        ("spacing<1.5mm modality:CT", {"thin"}),
        ("spacing:0.2cm", {"gap"}),
        ("volume>0.5ml modality:CT", {"thin", "thick", "gap"}),
        ("volume>3.5ml", {"thick"}),
        ("volume:none modality:MR", {"early", "late"}),
        ("derived:yes modality:CT", {"gap"}),
        ("derived:NO modality:CT", {"thin", "thick"}),
        ("phantom:yes", {"gap", "early", "late"}),
        ("commercial:no", {"gap", "early", "late"}),
        ("commercial:yes modality:CT", {"thin", "thick"}),
        ("commercial:unknown", set()),
        ("has-segmentation:yes", {"thin"}),
        ("has:segmentation", {"thin"}),
        ("has:(structures or report)", {"thin", "thick"}),
        ("has!=segmentation modality:CT", {"thick", "gap"}),
        ("has-structures:yes", {"thick"}),
        ("has-report:yes", {"thin"}),
        ("has-report:no modality:CT", {"thick", "gap"}),
        ("has-report:* modality:CT", {"thin", "thick", "gap"}),
        ("has-report:none", set()),
        ("segment:lung", {"SEG"}),
        ("segment:39607008", {"SEG"}),
        ('segment:"left lung"', {"SEG"}),
        ('segment:"lung left"', set()),
        ("segment:heart", {"RTSTRUCT"}),
        ("segment:hea*", {"RTSTRUCT"}),
        ("segment:none modality:CT", {"thin", "thick", "gap"}),
        ("algorithm:automatic", {"SEG"}),
        ("algorithm:LungFinder", {"SEG"}),
        ("algorithm:manual", {"RTSTRUCT"}),
        ("segmented:lung", {"thin"}),
        ("segmented:(heart or tumor)", {"thin", "thick"}),
        ("segmented:none modality:CT", {"gap"}),
        ("has (modality:SEG segment:tumor)", {"thin"}),
        ("refers-to (slice-thickness<2mm)", {"SEG", "SR"}),
        ("refers-to (modality:CT) modality!=SEG", {"SR", "RTSTRUCT"}),
        ("has (has (modality:CT))", set()),
        ("day:0 modality:MR", {"early"}),
        ("day>=2weeks", {"late"}),
        ("day:30", {"late"}),
        ("released>=2020 modality:CT", {"thin", "thick", "gap"}),
        ("released<2020", set()),
        ("changed<2020", set()),
        ("files:here modality:CT", {"thin", "thick", "gap"}),
        ("files:elsewhere", set()),
        ("third-party:yes", set()),
        (
            "chest modality:CT contrast:none slice-thickness<1.5mm sex:F age>60 segmented:lung commercial:yes",
            {"thin"},
        ),
    ],
)
def test_derived_facts_are_asked_like_any_other(catalogue: Archive, text: str, expected: set[str]) -> None:
    assert found(catalogue, text) == expected


def leaf() -> st.SearchStrategy[str]:
    return st.sampled_from(
        (
            *(
                "geometry:regular",
                "geometry:none",
                "geometry:*r*",
                "slices>3",
                "slices:none",
                "spacing<=2mm",
                "volume:1..4",
            ),
            *("commercial:yes", "commercial:unknown", "phantom:no", "derived:none", "derived:yes", "third-party:no"),
            *(
                "has:segmentation",
                "has-report:no",
                "has-structures:*",
                "has:annotation",
                "segment:lung",
                "segment:none",
            ),
            *("segment:*ung*", "algorithm:*", "segmented:tumor", "segmented:none", "segmented:*", "day:0", "day>3days"),
            *("day:none", "released:2026", "changed<2020", "files:here", "files:else*", "modality:CT", "thin", "lung"),
            *("downloaded:yes", "new:no", "sex:F", "subject:P*", "EchoTime<3", "SliceThickness<3mm"),
        )
    )


def trees() -> st.SearchStrategy[str]:
    return st.recursive(
        leaf(),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({' and '.join(parts)})"),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({' or '.join(parts)})"),
            inner.map(lambda part: f"(not {part})"),
            st.tuples(st.sampled_from(["subject with", "study with", "has", "refers-to"]), inner).map(
                lambda one: f"{one[0]} ({one[1]})"
            ),
        ),
        max_leaves=5,
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=trees(), who=st.sampled_from(["ada", "bob"]))
def test_memory_and_database_find_the_same(catalogue: Archive, text: str, who: str) -> None:
    found(catalogue, text, actor_named(catalogue, who))


def test_every_licence_that_can_be_chosen_tells_whether_money_may_be_earned(archive: Archive) -> None:
    with archive.database.transaction() as tx:
        for licence in collections.licences():
            row = tx.execute("select search.commercial(%s) as told", [licence.id]).fetchone()
            assert row is not None
            assert row.told == ("yes" if licence.is_commercial else "no"), licence.id


def test_every_field_can_be_a_facet_with_counts_that_a_search_finds(catalogue: Archive) -> None:
    names = [field.name for field in search.FIELDS if field.choices or field.kind in ("text", "name")]
    for actor in (ANYBODY, actor_named(catalogue, "ada")):
        for facet in search.facets(catalogue, actor, [("q", search.read("chest"))], names, 100):
            field = search.field_named(facet.name)
            for value, number in facet.values if field.choices else ():
                query = search.And((search.read("chest"), search.Compare(field, "is", (value,))))
                assert search.count(catalogue, actor, query) == number > 0
    told = {
        one.name: dict(one.values)
        for one in search.facets(catalogue, ANYBODY, [], ["has-segmentation", "day", "segment"])
    }
    assert told["has-segmentation"]["yes"] == 1
    assert told["day"] == told["segment"] == {}


def test_what_is_hidden_says_nothing_about_what_it_refers_to(catalogue: Archive) -> None:
    assert found(catalogue, "has:segmentation modality:CT") == {"thin"}
    assert found(catalogue, "has:segmentation modality:CT", SYSTEM) == {"thin", "gap"}
    assert found(catalogue, "segmented:lung", SYSTEM) == {"thin", "gap"}


def test_people_ask_what_they_have_not_downloaded(catalogue: Archive) -> None:
    ada = actor_named(catalogue, "ada")
    assert found(catalogue, "downloaded:yes", ada) == set()
    assert found(catalogue, "new:yes", ada) == set()
    thin = search.find(catalogue, ada, search.read("thin modality:CT")).rows[0]
    search.note_taken(catalogue, ada, [(thin.collection_id, thin.series_uid), (thin.collection_id, "")])
    assert found(catalogue, "downloaded:yes", ada) == {"thin"}
    assert found(catalogue, "downloaded:no modality:CT", ada) == {"thick", "gap"}
    open_one = collections.collection_named(catalogue, SYSTEM, "OPEN-1")
    publish(catalogue, open_one, [make_image(SeriesDescription="fresh", patient="P-9")])
    assert found(catalogue, "new:yes", ada) == {"fresh"}
    assert found(catalogue, "new:no modality:CT", ada) == {"thin", "thick", "gap"}
    for text in ("chest downloaded:no", "not (new:yes or subject with (new:yes))"):
        with pytest.raises(search.BadQuery, match=r"(downloaded|new) asks .* sign in") as fault:
            search.find(catalogue, ANYBODY, search.read(text))
        assert fault.value.kind == "search.sign-in"


def test_the_public_doors_may_ask_all_of_it_and_note_what_is_taken(archive: Archive, public_archive: Archive) -> None:
    thin = stack([0, 1, 2])
    one = make_collection(archive)
    publish(archive, one, [*thin, segmentation(thin), make_image()])
    describe_all(archive)
    make_person(archive, "ada")
    ada = actor_named(archive, "ada")
    row = search.find(public_archive, ada, search.read("segmented:lung")).rows[0]
    usage.took(public_archive, usage.Visitor(ada), "dicomweb", {(one.id, row.series_uid): 10, (one.id, ""): 5})
    usage.took(public_archive, usage.Visitor(ANYBODY), "web", {(one.id, row.series_uid): 10})
    for text, number in (("downloaded:yes", 1), ("downloaded:no", 2), ("new:yes", 0), ("geometry:regular", 2)):
        assert search.count(public_archive, ada, search.read(text)) == number
    held = images.find_series(public_archive, ada, row.series_uid)
    assert len(images.references_of(public_archive, ada, held).by) == 1
    assert images.geometry_of(public_archive, held) is not None


@pytest.mark.parametrize(
    ("text", "marked", "words"),
    [
        ("geometry:even", "even", "one of regular"),
        ("ct has:everything", "everything", "segmentation, structures"),
        ("commercial:maybe", "maybe", "yes, no, unknown"),
        ("has (modality:SEG", "(", "not closed"),
        ("volume>3mm", "3mm", "in ml"),
        ("segment>3", "3", "is text"),
    ],
)
def test_a_fault_points_at_its_word(text: str, marked: str, words: str) -> None:
    with pytest.raises(search.BadQuery, match=words) as fault:
        search.read(text)
    assert text[fault.value.start : fault.value.end] == marked


@pytest.mark.parametrize("text", ["has lung", "lung has nodule", "refers-to x", "it has and (x or y)", "-has"])
def test_words_of_relations_are_also_words(text: str) -> None:
    query = search.read(text)
    assert "Having" not in repr(query)
    assert search.read(search.write(query)) == query


def test_the_words_of_a_series_follow_the_title_of_its_collection(archive: Archive) -> None:
    one = make_collection(archive, "MOVING")
    publish(archive, one, [make_image()])
    collections.edit(archive, SYSTEM, one.id, collections.Draft("MOVING", "Quite another heading"))
    assert search.count(archive, ANYBODY, search.read("heading")) == 1
    assert search.count(archive, ANYBODY, search.read("title")) == 0


def test_the_words_of_very_many_series_follow_by_and_by(archive: Archive) -> None:
    one = make_collection(archive, "MOVING")
    publish(archive, one, make_series(2))
    with archive.database.transaction() as tx:  # a thousand revisions stand for very many series
        names = [
            row.name
            for row in tx.execute(
                "select column_name as name from information_schema.columns where table_schema = 'images'"
                " and table_name = 'series' and column_name not in ('id', 'uid', 'key') and is_generated = 'NEVER'"
            )
        ]
        columns = ", ".join(names)
        tx.execute(
            f"insert into images.series (uid, key, {columns}) select '1.2.9.' || n, n + 1000000, {columns}"
            " from (select * from images.series limit 1) one, generate_series(1, 2500) n"
        )
    found = search.count(archive, ANYBODY, search.read("title"))
    collections.edit(archive, SYSTEM, one.id, collections.Draft("MOVING", "Quite another heading"))
    assert search.count(archive, ANYBODY, search.read("title")) == found > 2500
    with archive.database.transaction() as tx:
        assert [job.name for job in jobs.waiting(tx) if job.name == "retell"] == ["retell"]
    assert worker.VERBS["retell"](archive, str(one.id)) is None
    assert search.count(archive, ANYBODY, search.read("heading")) == found
    assert search.count(archive, ANYBODY, search.read("title")) == 0


def test_a_site_is_told_to_curators_and_owners_of_the_collection_only(archive: Archive) -> None:
    for name, site in (("HERE", "North"), ("THERE", "North"), ("ELSEWHERE", "South")):
        one = make_collection(archive, name)
        publish(archive, one, [make_image()])
        with archive.database.transaction() as tx:
            tx.execute("update images.series set site = %s where collection_id = %s", [site, one.id])
    for name, roles in (("cora", ("curator",)), ("olga", ()), ("vera", ())):
        make_person(archive, name, *roles)
    here = collections.collection_named(archive, SYSTEM, "HERE")
    collections.add_member(archive, SYSTEM, here.id, actor_named(archive, "olga").person_id or 0, "owner")
    for is_kept in (False, True):
        if is_kept:
            keeper.read_now(archive)
        told = {"cora": 2, "olga": 1, "vera": 0}
        for who, wanted in told.items():
            actor = actor_named(archive, who)
            assert search.count(archive, actor, search.read("site:north")) == wanted, who
            assert search.count(archive, actor, search.read("not site:north")) == 3 - wanted, who
            assert search.suggest_values(archive, actor, "site", "") == []
        assert search.count(archive, ANYBODY, search.read("has site")) == 0
        assert search.keys(archive, ANYBODY, search.read("site:North or site:South")) == []


def test_a_series_of_a_catalogue_that_others_made_is_third_party(archive: Archive) -> None:
    one = make_collection(archive)
    publish(archive, one, [make_image()])
    with archive.database.transaction() as tx:
        tx.execute(
            "with d as (insert into collections.dataset (collection_id, name, title, licence, is_result)"
            " values (%s, 'a', 'b', 'CC-BY-4.0', true) returning id)"
            " insert into images.location (series_id, url, dataset_id, state)"
            " select s.id, 's3://a/b/', d.id, gen_random_uuid() from images.series s, d",
            [one.id],
        )
    assert search.count(archive, ANYBODY, search.read("third-party:yes")) == 1
    assert search.count(archive, ANYBODY, search.read("files:elsewhere")) == 1


def test_a_segmentation_of_a_catalogue_counts_for_the_pictures_of_its_study(archive: Archive) -> None:
    study = "1.2.826.0.1.3680043.8.498.1"
    files = [make_image(study=study, SeriesDescription=text) for text in ("one", "two")]
    publish(archive, make_collection(archive), [*files, make_image(SeriesDescription="Lungs by TotalSegmentator")])
    with archive.database.transaction() as tx:
        tx.execute(
            "update images.series s set modality = 'SEG', study_id = (select study_id from images.series where"
            " description = 'one') where description like 'Lungs%'"
        )
        tx.execute(
            "insert into images.location (series_id, url, state) select id, 's3://a/b/', gen_random_uuid()"
            " from images.series where modality = 'SEG'"
        )
    keeper.read_now(archive)
    assert found(archive, "has:segmentation") == {"one", "two"}
    assert found(archive, "segmented:lungs") == {"one", "two"}
    assert found(archive, "segmented:liver") == set()
    assert found(archive, "refers-to (one)") == {"SEG"}


def test_a_series_that_was_described_before_it_was_measured_is_queued_again(archive: Archive) -> None:
    publish(archive, make_collection(archive), [make_image()])
    describe_all(archive)
    with archive.database.transaction() as tx:
        tx.execute("update images.series set entered_at = now() - interval '1 hour'")
    assert search.describe_forgotten(archive) == 0
    with archive.database.transaction() as tx:
        tx.execute("delete from images.measured")
    assert search.describe_forgotten(archive) == 1


def test_references_are_told_both_ways_and_only_what_may_be_seen(catalogue: Archive) -> None:
    thin = images.find_series(catalogue, ANYBODY, uid_of(catalogue, "thin modality:CT"))
    told = images.references_of(catalogue, ANYBODY, thin)
    assert [one.kind for one in told.by] == ["segmentation", "report"]
    assert not told.to and not told.missing
    made = told.by[0].series
    assert [one.series.uid for one in images.references_of(catalogue, ANYBODY, made).to] == [thin.uid]
    gap = images.find_series(catalogue, ANYBODY, uid_of(catalogue, "gap modality:CT"))
    assert not images.references_of(catalogue, ANYBODY, gap).by
    assert [one.kind for one in images.references_of(catalogue, SYSTEM, gap).by] == ["segmentation"]


def test_what_is_referred_to_and_not_here_is_named(archive: Archive) -> None:
    absent = stack([0, 1])
    publish(archive, make_collection(archive), [report(absent)])
    describe_all(archive)
    one = images.find_series(archive, ANYBODY, uid_of(archive, "modality:SR"))
    assert [missing.level for missing in images.references_of(archive, ANYBODY, one).missing] == ["series"]


def uid_of(archive: Archive, text: str) -> str:
    return str(search.find(archive, ANYBODY, search.read(text)).rows[0].series_uid)
