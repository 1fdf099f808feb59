"""Quality marks: who may set them, what they say, and that a search finds them."""

import pytest

from invivo import accounts, images, releases, search
from invivo.archive import Archive
from invivo.errors import Invalid, Refused
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish


@pytest.fixture
def lung(archive: Archive) -> int:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2, patient="A"))
    publish(archive, collection, make_series(1, patient="B"))
    return collection.id


def uids(archive: Archive) -> list[str]:
    return [row.series_uid for row in search.find(archive, SYSTEM, search.ALL).rows]


def asked(mark: str) -> search.Query:
    return search.parse_pairs([("quality", mark)])


def test_the_newest_mark_is_searchable_and_the_history_stays(archive: Archive, lung: int) -> None:
    first, _ = uids(archive)
    images.mark_series(archive, SYSTEM, lung, [images.Wanted(first, "unusable", ("motion",), "Moved.")], "contractor")
    assert [row.series_uid for row in search.find(archive, accounts.ANONYMOUS, asked("unusable")).rows] == [first]
    images.mark_series(archive, SYSTEM, lung, [images.Wanted(first, "usable")], "owner")
    assert search.find(archive, accounts.ANONYMOUS, asked("unusable")).total == 0
    assert images.find_series(archive, accounts.ANONYMOUS, first).quality == "usable"
    marks = images.marks_of(archive, SYSTEM, lung, first)
    assert [(one.mark, one.part, one.reasons, one.note) for one in marks] == [
        ("usable", "owner", (), ""),
        ("unusable", "contractor", ("motion",), "Moved."),
    ]
    facet = search.facets(archive, accounts.ANONYMOUS, [], ["quality"])[0]
    assert facet.values == (("usable", 1),)


def test_a_csv_is_read_by_its_columns_and_faults_name_the_line() -> None:
    found = images.read_marks("series_uid,mark,reason,note\n1.2,questionable,motion;noise,a bit\n\n1.3,usable,,\n")
    assert found == [
        images.Wanted("1.2", "questionable", ("motion", "noise"), "a bit"),
        images.Wanted("1.3", "usable"),
    ]
    for text, words in (
        ("uid,mark\n1.2,usable\n", "first line"),
        ("series_uid,mark\n1.2,fine\n", "Line 2: a mark"),
        ("series_uid,mark,reason\n1.2,usable,\n1.3,unusable,\n", "Line 3: say why"),
        ("series_uid,mark,reason\n1.2,unusable,boring\n", "Line 2: a reason"),
        ('series_uid,mark\n"1.2,usable\n', "is not CSV"),
        ("series_uid,mark\n" + "1.2,usable\n" * 10_001, "At most 10,000"),
    ):
        with pytest.raises(Invalid, match=words):
            images.read_marks(text)


def test_a_preview_tells_what_changes_and_what_is_not_there(archive: Archive, lung: int) -> None:
    first, second = uids(archive)
    images.mark_series(archive, SYSTEM, lung, [images.Wanted(first, "usable")])
    wanted = [images.Wanted(one, "usable") for one in (first, second, "1.2.3")]
    plan = images.weigh_marks(archive, SYSTEM, lung, wanted)
    assert [now for _, now in plan.known] == ["usable", None]
    assert (plan.changing, plan.unknown) == (1, ("1.2.3",))
    assert images.mark_series(archive, SYSTEM, lung, wanted) == 2


def test_only_curators_mark_and_only_owners_as_owners(archive: Archive, lung: int) -> None:
    make_person(archive, "bob")
    make_person(archive, "cora", "curator")
    wanted = [images.Wanted(uids(archive)[0], "usable")]
    with pytest.raises(Refused):
        images.mark_series(archive, actor_named(archive, "bob"), lung, wanted)
    with pytest.raises(Refused):
        images.marks_of(archive, actor_named(archive, "bob"), lung, wanted[0].series_uid)
    with pytest.raises(Refused, match="owner"):
        images.mark_series(archive, actor_named(archive, "cora"), lung, wanted, "owner")
    with pytest.raises(Invalid):
        images.mark_series(archive, SYSTEM, lung, [images.Wanted(wanted[0].series_uid, "unusable")])


def test_visitors_are_shown_the_mark_without_who_set_it(archive: Archive, public_archive: Archive, lung: int) -> None:
    uid = uids(archive)[0]
    images.mark_series(archive, SYSTEM, lung, [images.Wanted(uid, "questionable", ("noise",), "See me, Ada.")])
    shown = images.shown_mark(public_archive, lung, uid)
    assert shown is not None
    assert (shown.mark, shown.reasons, shown.label, shown.note) == ("questionable", ("noise",), "", "")


def test_a_mark_of_another_collection_does_not_count(archive: Archive, lung: int) -> None:
    other = make_collection(archive, "BRAIN")
    assert images.mark_series(archive, SYSTEM, other.id, [images.Wanted(uids(archive)[0], "usable")]) == 0


def test_a_withdrawn_series_cannot_be_marked(archive: Archive, lung: int) -> None:
    uid = uids(archive)[0]
    releases.withdraw(archive, SYSTEM, lung, uid, "quality", "Blurred.")
    assert images.mark_series(archive, SYSTEM, lung, [images.Wanted(uid, "usable")]) == 0
