"""The same person gets the same GUID, whoever asks and however many ask at once; nobody is merged by guessing."""

import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from invivo import accounts, audit, collections, subjects
from invivo.archive import Archive
from invivo.errors import Busy, Conflict, Invalid, NotFound, Refused, TooLarge
from invivo.subjects import guid_quota
from tests.factories import SYSTEM, actor_named, make_collection, make_person


def codes(**parts: str) -> dict[str, str]:
    """Codes of a made-up person; a combination given another word differs in it."""
    base = dict.fromkeys(("full", "names", "family", "given", "date"), "a") | parts
    return {name: (name + word).encode().hex().ljust(64, "0")[:64] for name, word in base.items() if word}


OTHER = codes(full="b", names="b", family="b", given="b", date="b")
TYPO = codes(full="b", names="b", given="b", date="b")  # all but the family name agrees


@pytest.fixture
def sam(archive: Archive) -> accounts.Actor:
    return _member(archive, "sam", "LUNG-1", "submitter")


def _member(archive: Archive, name: str, collection: str, role: str) -> accounts.Actor:
    make_person(archive, name)
    made = make_collection(archive, collection)
    collections.add_member(archive, SYSTEM, made.id, actor_named(archive, name).person_id or 0, role)
    return actor_named(archive, name)


def ask(archive: Archive, actor: accounts.Actor, *people: dict[str, str]) -> list[tuple[str, str]]:
    return [(one.guid, one.kind) for one in subjects.assign_guids(archive, actor, people)]


def decide(archive: Archive, verdict: str) -> str:
    match = subjects.guid_matches(archive, SYSTEM)[0][0]
    return subjects.decide_guid_match(archive, SYSTEM, match.id, verdict, "both sites compared their files")


def test_the_same_person_gets_the_same_guid_from_any_submitter(archive: Archive, sam: accounts.Actor) -> None:
    ola = _member(archive, "ola", "BRAIN-1", "owner")
    (first, kind), (again, told) = ask(archive, sam, codes())[0], ask(archive, ola, codes())[0]
    assert (kind, told, first) == ("new", "existing", again)
    assert first.startswith("INV-")


def test_another_person_gets_another_guid(archive: Archive, sam: accounts.Actor) -> None:
    answers = ask(archive, sam, codes(), OTHER, codes())
    assert [kind for _, kind in answers] == ["new", "new", "existing"]
    assert answers[0][0] == answers[2][0] != answers[1][0]


def test_many_who_ask_at_once_get_one_guid(archive: Archive, sam: accounts.Actor) -> None:
    found: list[tuple[str, str]] = []
    barrier = threading.Barrier(8)

    def run() -> None:
        barrier.wait()
        found.extend(ask(archive, sam, codes(), OTHER))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 16
    assert len({label for label, _ in found}) == 2
    assert [kind for _, kind in found].count("new") == 2


def test_the_database_itself_refuses_a_second_owner_of_full_codes(archive: Archive, sam: accounts.Actor) -> None:
    ask(archive, sam, codes(), OTHER)
    with pytest.raises(psycopg.errors.UniqueViolation), archive.database.transaction() as tx:
        tx.execute(
            "insert into subjects.guid_code (combination, digest, guid_id) select 'full', c.digest,"
            " (select max(id) from subjects.guid) from subjects.guid_code c where c.combination = 'full' order by guid_id limit 1"
        )


def test_a_close_match_waits_for_a_person_and_merges_nobody(archive: Archive, sam: accounts.Actor) -> None:
    (real, _), (waiting, kind) = ask(archive, sam, codes(), TYPO)
    assert kind == "close"
    assert waiting.startswith("INVP-")
    assert subjects.resolve_guid(archive, sam, waiting).is_waiting
    assert ask(archive, sam, TYPO) == [(waiting, "close")]
    found, total = subjects.guid_matches(archive, SYSTEM)
    assert (total, found[0].first, found[0].second) == (1, real, waiting)
    assert found[0].agreeing == ("family",)
    assert found[0].first_asker == "sam"


def test_decided_to_be_one_person_both_spellings_lead_to_the_guid(archive: Archive, sam: accounts.Actor) -> None:
    (real, _), (waiting, _) = ask(archive, sam, codes(), TYPO)
    assert decide(archive, "same") == real
    assert ask(archive, sam, codes(), TYPO) == [(real, "existing")] * 2
    assert subjects.resolve_guid(archive, sam, waiting).alias_of == real


def test_decided_to_be_two_people_the_second_gets_a_guid_and_is_never_asked_about_again(
    archive: Archive, sam: accounts.Actor
) -> None:
    (real, _), (waiting, _) = ask(archive, sam, codes(), TYPO)
    second = decide(archive, "different")
    assert second.startswith("INV-")
    assert second != real
    assert ask(archive, sam, TYPO, codes()) == [(second, "existing"), (real, "existing")]
    assert subjects.resolve_guid(archive, sam, waiting).alias_of == second
    assert subjects.guid_matches(archive, SYSTEM) == ([], 0)


def test_nobody_waits_for_ever_after_the_decisions(archive: Archive, sam: accounts.Actor) -> None:
    third = codes(full="c", names="c", family="a", given="b", date="c")  # resembles both
    ask(archive, sam, codes(), TYPO, third)
    while subjects.guid_matches(archive, SYSTEM)[1]:
        decide(archive, "different")
    answers = ask(archive, sam, codes(), TYPO, third)
    assert [kind for _, kind in answers] == ["existing"] * 3
    assert len({label for label, _ in answers}) == 3


def test_a_chain_of_same_ends_in_one_guid(archive: Archive, sam: accounts.Actor) -> None:
    third = codes(full="c", names="c", family="a", given="b", date="c")
    real = ask(archive, sam, codes(), TYPO, third)[0][0]
    while subjects.guid_matches(archive, SYSTEM)[1]:
        decide(archive, "same")
    assert ask(archive, sam, codes(), TYPO, third) == [(real, "existing")] * 3


def test_a_decision_is_made_once_and_needs_a_reason(archive: Archive, sam: accounts.Actor) -> None:
    ask(archive, sam, codes(), TYPO)
    match = subjects.guid_matches(archive, SYSTEM)[0][0].id
    with pytest.raises(Invalid):
        subjects.decide_guid_match(archive, SYSTEM, match, "same", " ")
    subjects.decide_guid_match(archive, SYSTEM, match, "same", "compared")
    with pytest.raises(Conflict):
        subjects.decide_guid_match(archive, SYSTEM, match, "different", "compared")
    with pytest.raises(NotFound):
        subjects.decide_guid_match(archive, SYSTEM, match + 1, "same", "compared")


def test_a_document_and_a_given_name_are_enough(archive: Archive, sam: accounts.Actor) -> None:
    (real, _), answer = ask(
        archive, sam, codes(document="d"), TYPO | codes(full="", document="d", names="", given="", date="")
    )
    assert answer == (real, "existing")
    assert ask(archive, sam, TYPO) == [(real, "existing")]


def test_twins_who_share_a_parents_document_are_not_merged(archive: Archive, sam: accounts.Actor) -> None:
    twin = codes(full="b", names="b", family="b", date="b", document="d")
    assert ask(archive, sam, codes(document="d"), twin)[1][1] == "close"


def test_a_known_person_whose_document_is_anothers_opens_a_question_between_the_two(
    archive: Archive, sam: accounts.Actor
) -> None:
    ask(archive, sam, codes(), OTHER | codes(full="", names="", family="", given="", date="", document="d"))
    assert ask(archive, sam, codes(document="d"))[0][1] == "existing"
    assert subjects.guid_matches(archive, SYSTEM)[1] == 1
    kept = decide(archive, "same")
    assert {label for label, _ in ask(archive, sam, codes(), OTHER)} == {kept}


def test_a_pseudo_guid_is_promoted_and_stays_as_an_alias(archive: Archive, sam: accounts.Actor) -> None:
    pseudo = subjects.pseudo_guids(archive, sam, 2)[0].guid
    promoted = subjects.promote_guid(archive, sam, pseudo, codes())
    assert promoted.kind == "new"
    assert subjects.resolve_guid(archive, sam, pseudo.lower()).alias_of == promoted.guid
    with pytest.raises(Conflict):
        subjects.promote_guid(archive, sam, pseudo, codes())


def test_a_pseudo_guid_of_somebody_known_becomes_an_alias_of_that_person(archive: Archive, sam: accounts.Actor) -> None:
    known = ask(archive, sam, codes())[0][0]
    pseudo = subjects.pseudo_guids(archive, sam)[0].guid
    answer = subjects.promote_guid(archive, sam, pseudo, codes())
    assert (answer.guid, answer.kind) == (known, "existing")


def test_a_pseudo_guid_that_resembles_somebody_waits_as_itself(archive: Archive, sam: accounts.Actor) -> None:
    known = ask(archive, sam, codes())[0][0]
    pseudo = subjects.pseudo_guids(archive, sam)[0].guid
    answer = subjects.promote_guid(archive, sam, pseudo, TYPO)
    assert (answer.guid, answer.kind) == (pseudo, "close")
    with pytest.raises(Conflict, match="waits"):
        subjects.promote_guid(archive, sam, pseudo, TYPO)
    decide(archive, "same")
    assert subjects.resolve_guid(archive, sam, pseudo).alias_of == known


def test_only_the_account_that_asked_or_a_curator_of_the_archive_promotes(
    archive: Archive, sam: accounts.Actor
) -> None:
    ola = _member(archive, "ola", "BRAIN-1", "owner")
    pseudo = subjects.pseudo_guids(archive, sam)[0].guid
    with pytest.raises(Refused):
        subjects.promote_guid(archive, ola, pseudo, codes())
    assert subjects.promote_guid(archive, SYSTEM, pseudo, codes()).kind == "new"


@pytest.mark.parametrize("who", ["anonymous", "reader", "member"])
def test_who_neither_delivers_nor_curates_learns_nothing(archive: Archive, sam: accounts.Actor, who: str) -> None:
    known = ask(archive, sam, codes())[0][0]
    make_person(archive, "reader")
    asking = {
        "anonymous": lambda: accounts.ANONYMOUS,
        "reader": lambda: actor_named(archive, "reader"),
        "member": lambda: _member(archive, "mia", "BRAIN-1", "member"),
    }[who]()
    for verb in (
        lambda: ask(archive, asking, codes()),
        lambda: subjects.pseudo_guids(archive, asking),
        lambda: subjects.promote_guid(archive, asking, known, codes()),
        lambda: subjects.resolve_guid(archive, asking, known),
        lambda: subjects.guid_parameters(archive, asking),
        lambda: subjects.guid_matches(archive, asking),
    ):
        with pytest.raises(Refused):
            verb()


def test_a_submitter_does_not_decide_about_close_matches(archive: Archive, sam: accounts.Actor) -> None:
    ask(archive, sam, codes(), TYPO)
    with pytest.raises(Refused):
        subjects.guid_matches(archive, sam)
    with pytest.raises(Refused):
        subjects.decide_guid_match(archive, sam, 1, "same", "because")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"full": "0" * 64},
        codes() | {"shoe": "0" * 64},
        codes() | {"names": "0" * 63},
        codes() | {"names": "G" * 64},
        codes() | {"names": "0" * 63 + "\n"},
    ],
)
def test_codes_that_are_incomplete_or_malformed_are_refused(
    archive: Archive, sam: accounts.Actor, wrong: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        ask(archive, sam, wrong)


def test_requests_are_bounded(archive: Archive, sam: accounts.Actor) -> None:
    with pytest.raises(TooLarge):
        ask(archive, sam, *[codes()] * (subjects.AT_ONCE + 1))
    with pytest.raises(TooLarge):
        subjects.pseudo_guids(archive, sam, subjects.AT_ONCE + 1)
    with pytest.raises(Invalid):
        ask(archive, sam)


def test_an_account_asks_about_so_many_people_a_day_and_is_told_when_to_come_back(
    archive: Archive, sam: accounts.Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guid_quota, "BURST", 10)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    clocked = _at(archive, now)
    subjects.pseudo_guids(clocked, sam, 8)
    with pytest.raises(Busy, match="2026-01-01 00:01 UTC") as refused:
        ask(clocked, sam, *[codes()] * 4)
    wait_s = refused.value.facts["retry_after_s"]
    assert isinstance(wait_s, int)
    assert 80 < wait_s < 90
    assert ask(_at(archive, now + timedelta(seconds=wait_s)), sam, *[codes()] * 4)
    ola = _member(archive, "ola", "BRAIN-1", "owner")
    assert ask(clocked, ola, codes())


def _at(archive: Archive, moment: datetime) -> Archive:
    return Archive(
        archive.settings, archive.database, archive.objects, archive.held, archive.derived, archive.key, lambda: moment
    )


def test_what_is_kept_are_not_the_codes(archive: Archive, sam: accounts.Actor) -> None:
    ask(archive, sam, codes())
    with archive.database.transaction() as tx:
        kept = {row.digest.hex() for row in tx.execute("select digest from subjects.guid_code")}
        journal = [one for one in audit.newest(tx, 50) if one.verb.startswith("guid.")]
    assert len(kept) == 5
    assert not kept & set(codes().values())
    assert [(one.actor, one.verb, one.detail) for one in journal] == [(sam.name, "guid.assign", {"outcome": "new"})]


def test_every_assignment_decision_and_promotion_is_journalled(archive: Archive, sam: accounts.Actor) -> None:
    ask(archive, sam, codes(), TYPO)
    decide(archive, "different")
    subjects.promote_guid(archive, sam, subjects.pseudo_guids(archive, sam)[0].guid, OTHER | codes(full="z", names="z"))
    with archive.database.transaction() as tx:
        verbs = {one.verb for one in audit.newest(tx, 50) if one.verb.startswith("guid.")}
    assert verbs == {"guid.assign", "guid.alias", "guid.different", "guid.promote"}


@pytest.mark.parametrize("table", ["guid", "guid_code", "guid_match", "guid_quota"])
def test_the_public_role_cannot_read_anything_of_it(public_archive: Archive, table: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
        tx.execute(f"select * from subjects.{table} limit 1".encode())


def test_the_salt_is_the_archives_own_and_lasts(archive: Archive, sam: accounts.Actor) -> None:
    told = subjects.guid_parameters(archive, sam)
    assert told["salt"] == subjects.guid_parameters(archive, sam)["salt"]
    assert told["salt"] not in (archive.secret("guid").hex(), archive.key.hex())


def test_a_label_that_was_never_given_out_is_not_found(archive: Archive, sam: accounts.Actor) -> None:
    with pytest.raises(NotFound):
        subjects.resolve_guid(archive, sam, "INV-7K3M-9QXD-Y")
