"""Rules as versions: what is in force, who may change it, and that nothing goes backwards."""

import psycopg
import pytest

from invivo import collections, submissions
from invivo.archive import Archive
from invivo.errors import Invalid, Refused
from tests.factories import SYSTEM, actor_named, make_collection, make_person

TOML = 'name = "lung"\nversion = "1"\nbase = "tcia"\n[[rules]]\nattribute = "StationName"\naction = "X"\n'


def draft(**fields: object) -> collections.RulesDraft:
    return collections.RulesDraft(**({"kind": "toml", "text": TOML} | fields))  # type: ignore[arg-type]


def in_force(archive: Archive, collection: collections.Collection) -> collections.Rules:
    with archive.database.transaction() as tx:
        return collections.rules_in_force(tx, collection.id)


def policy(archive: Archive, collection: collections.Collection) -> collections.Collection:
    with archive.database.transaction() as tx:
        return collections.policy_of(tx, collection.id)


def test_a_new_collection_has_version_one_of_its_builtin_profile(archive: Archive) -> None:
    rules = in_force(archive, make_collection(archive, profile="basic", profile_options=("clean_graphics",)))
    assert (rules.version, rules.kind, rules.text) == (1, "builtin", "basic clean_graphics")


def test_the_form_of_the_collection_makes_a_version_only_if_the_profile_changes(archive: Archive) -> None:
    collection = make_collection(archive)
    same = collections.Draft("LUNG-1", "Another title")
    collections.edit(archive, SYSTEM, collection.id, same)
    assert in_force(archive, collection).version == 1
    collections.edit(archive, SYSTEM, collection.id, collections.Draft("LUNG-1", "Title", profile="basic"))
    assert (in_force(archive, collection).version, in_force(archive, collection).text) == (2, "basic")


def test_a_draft_is_not_in_force_until_somebody_says_so(archive: Archive) -> None:
    collection = make_collection(archive)
    version = submissions.write_rules(archive, SYSTEM, collection.id, draft(note="for stations"))
    assert in_force(archive, collection).version == 1
    submissions.enforce_rules(archive, SYSTEM, collection.id, version)
    rules = in_force(archive, collection)
    assert (rules.version, rules.note, rules.in_force_by) == (2, "for stations", "system")


def test_rules_only_go_forward(archive: Archive) -> None:
    collection = make_collection(archive)
    first, second = (submissions.write_rules(archive, SYSTEM, collection.id, draft()) for _ in range(2))
    submissions.enforce_rules(archive, SYSTEM, collection.id, second)
    for version in (first, second, 1):
        with pytest.raises(collections.NotForward):
            submissions.enforce_rules(archive, SYSTEM, collection.id, version)
    with pytest.raises(collections.UnknownRules):
        submissions.enforce_rules(archive, SYSTEM, collection.id, 99)


def test_a_builtin_version_changes_the_collections_own_columns_too(archive: Archive) -> None:
    collection = make_collection(archive)
    version = submissions.write_rules(
        archive, SYSTEM, collection.id, draft(kind="builtin", text="basic clean_descriptors")
    )
    submissions.enforce_rules(archive, SYSTEM, collection.id, version)
    known = policy(archive, collection)
    assert (known.profile, known.profile_options) == ("basic", ("clean_descriptors",))


def test_the_profile_names_collection_and_version_within_the_objects_record(archive: Archive) -> None:
    collection = make_collection(archive, "A-very-long-name-of-a-collection-indeed")
    submissions.enforce_rules(
        archive, SYSTEM, collection.id, submissions.write_rules(archive, SYSTEM, collection.id, draft())
    )
    profile = submissions.profile_for(policy(archive, collection))
    assert profile.version == "1 + A-very-long 2"
    method = f"invivo 0.1.0, PS3.15 Annex E, profile {profile.name} {profile.version}"
    assert len(method) <= 64


@pytest.mark.parametrize(
    ("rules", "part", "line", "column"),
    [
        (draft(text='name = "x"\nversion = \n'), "text", 2, 11),
        (draft(text=TOML.replace("StationName", "NoSuchThing")), "text", 5, 14),
        (draft(text='name = "x"\nversion = "1"\noptions = ["clean_all"]'), "text", 3, 13),
        (draft(kind="ctp", text="set.[0010,0010]=@nosuch(x)\n"), "text", 1, 17),
        (draft(kind="dicomedit", text='version "6.6"\n(0010,0010) :: "x"\n'), "text", 2, 13),
        (
            draft(kind="ctp", text="remove.privategroups=true\n", filter_text='Modality.nosuch("1")'),
            "filter_text",
            1,
            10,
        ),
        (draft(kind="builtin", text="strict"), "text", 1, 1),
    ],
)
def test_rules_that_cannot_be_carried_out_are_refused_with_line_and_column(
    archive: Archive, rules: collections.RulesDraft, part: str, line: int, column: int
) -> None:
    collection = make_collection(archive)
    with pytest.raises(submissions.RulesRefused) as caught:
        submissions.write_rules(archive, SYSTEM, collection.id, rules)
    assert (caught.value.part, caught.value.line, caught.value.column) == (part, line, column)
    assert len(collections.rules_history(archive, SYSTEM, collection.id)) == 1


def test_a_stored_text_that_no_longer_loads_lets_nothing_pass(archive: Archive, dsn: str) -> None:
    collection = make_collection(archive)
    submissions.enforce_rules(
        archive, SYSTEM, collection.id, submissions.write_rules(archive, SYSTEM, collection.id, draft())
    )
    with psycopg.connect(dsn) as tx:
        tx.execute("update collections.profile set text = 'name = ' where version = 2")
    with pytest.raises(Invalid):
        submissions.profile_for(policy(archive, collection))


def test_a_collection_read_without_its_rules_lets_nothing_pass(archive: Archive) -> None:
    make_collection(archive)
    with pytest.raises(Invalid):
        submissions.profile_for(collections.collection_named(archive, SYSTEM, "LUNG-1"))


def test_what_is_written_cannot_be_changed_by_the_desk(archive: Archive) -> None:
    make_collection(archive)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), archive.database.transaction() as tx:
        tx.execute("update collections.profile set text = 'basic'")


def test_the_public_role_reads_no_rules(public_archive: Archive, archive: Archive) -> None:
    make_collection(archive)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
        tx.execute("select 1 from collections.profile")
    assert collections.collection_named(public_archive, SYSTEM, "LUNG-1").rules is None


def test_only_the_owner_writes_rules_and_only_curators_read_them(archive: Archive) -> None:
    collection = make_collection(archive)
    make_person(archive, "eve")
    make_person(archive, "cora", "curator")
    eve, cora = actor_named(archive, "eve"), actor_named(archive, "cora")
    with pytest.raises(Refused):
        collections.rules_history(archive, eve, collection.id)
    assert collections.rules_history(archive, cora, collection.id)
    with pytest.raises(Refused):
        submissions.write_rules(archive, cora, collection.id, draft())


def test_no_rule_may_accept_that_something_is_left(archive: Archive) -> None:
    collection = make_collection(archive)
    with pytest.raises(Invalid):
        submissions.write_rules(archive, SYSTEM, collection.id, draft(accepted=("proof.leftover",)))


def test_a_lookup_table_is_not_in_the_printed_form_of_rules() -> None:
    assert "secret-id" not in repr(draft(kind="ctp", lookup="ptid/secret-id=1"))
