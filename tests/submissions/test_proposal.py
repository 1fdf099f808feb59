"""A proposal goes from a draft to a decision; who may not decide cannot, and of two who decide at once one is told."""

import threading
from typing import Any

import pytest

from invivo import accounts, collections, notices, submissions
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, InvivoError, Refused, TooLarge
from invivo.settings import Settings, read_settings
from tests.factories import SYSTEM, actor_named, make_collection, make_person

ANSWERS = {
    "institution": "A hospital",
    "purpose": "Chests of many people.",
    "modalities": "CT",
    "subjects": "100",
    "species": "Humans",
    "consent": "Consent of the subjects",
    "faces": "No",
}


@pytest.fixture
def people(archive: Archive) -> dict[str, accounts.Actor]:
    with archive.database.transaction() as tx:  # without the time that good password digests take
        tx.execute(
            "insert into accounts.person (name, password_hash, site_roles) select name,'', case name when 'root'"
            " then array['administrator'] else '{}' end from unnest(%s::text[]) name",
            [["petra", "carl", "cleo", "cora", "eve", "root"]],
        )
    for name in ("carl", "cleo", "cora"):
        submissions.appoint(archive, SYSTEM, actor_named(archive, name).person_id or 0)
    return {name: actor_named(archive, name) for name in ("petra", "carl", "cleo", "cora", "eve", "root")}


def handed_in(archive: Archive, petra: accounts.Actor, title: str = "Chest CT") -> submissions.Proposal:
    made = submissions.begin_proposal(archive, petra, title, ANSWERS)
    submissions.submit_proposal(archive, petra, made.id)
    return submissions.find_proposal(archive, petra, made.id)


def ruled(archive: Archive, **policy: Any) -> Archive:
    """The same archive under other settings."""
    settings: Settings = read_settings(archive.settings.home, limits={"free_bytes": 0}, submissions=policy)
    return Archive(settings, archive.database, archive.objects, archive.held, archive.derived, archive.key)


def subjects(archive: Archive, actor: accounts.Actor) -> list[str]:
    with archive.database.transaction() as tx:
        return [one.subject for one in notices.inbox(tx, actor.person_id or 0)]


def test_a_draft_may_have_gaps_and_a_submitted_proposal_may_not(archive: Archive, people: Any) -> None:
    made = submissions.begin_proposal(archive, people["petra"], "Chest CT", {"institution": "A hospital"})
    with pytest.raises(submissions.BadAnswers) as refused:
        submissions.submit_proposal(archive, people["petra"], made.id)
    assert "purpose" in refused.value.facts["problems"]
    assert "institution" not in refused.value.facts["problems"]


@pytest.mark.parametrize(
    ("key", "answer"),
    [("subjects", "many"), ("species", "Martians"), ("ready", "2026-13-01"), ("modalities", "x" * 501)],
)
def test_an_answer_of_the_wrong_kind_is_refused(archive: Archive, people: Any, key: str, answer: str) -> None:
    with pytest.raises(submissions.BadAnswers) as refused:
        submissions.begin_proposal(archive, people["petra"], "Chest CT", {**ANSWERS, key: answer})
    assert list(refused.value.facts["problems"]) == [key]


def test_the_committee_is_told_and_a_draft_is_nobodys_business(archive: Archive, people: Any) -> None:
    made = submissions.begin_proposal(archive, people["petra"], "Chest CT", ANSWERS)
    with pytest.raises(submissions.UnknownProposal):
        submissions.find_proposal(archive, people["carl"], made.id)
    submissions.submit_proposal(archive, people["petra"], made.id)
    assert subjects(archive, people["carl"]) == ["Proposal: Chest CT"]
    assert submissions.find_proposal(archive, people["carl"], made.id).state == "submitted"


def test_others_neither_see_nor_decide(archive: Archive, people: Any) -> None:
    made = handed_in(archive, people["petra"])
    for verb in (
        lambda: submissions.find_proposal(archive, people["eve"], made.id),
        lambda: submissions.vote(archive, people["eve"], made.id, "accept", "mine"),
        lambda: submissions.decide_proposal(archive, people["eve"], made.id, "accept", "mine"),
        lambda: submissions.save_proposal(archive, people["eve"], made.id, "x" * 5, {}),
    ):
        with pytest.raises(submissions.UnknownProposal):
            verb()
    with pytest.raises(Refused):
        submissions.proposals_to_decide(archive, people["eve"])


def test_nobody_decides_on_a_proposal_of_their_own(archive: Archive, people: Any) -> None:
    made = handed_in(archive, people["carl"])
    with pytest.raises(Refused, match="of their own"):
        submissions.decide_proposal(archive, people["carl"], made.id, "accept", "I like it")


def test_a_proposal_comes_back_changed_and_is_voted_on_anew(archive: Archive, people: Any) -> None:
    made = handed_in(archive, people["petra"])
    submissions.vote(archive, people["carl"], made.id, "decline", "too small")
    submissions.decide_proposal(
        archive, people["cleo"], made.id, "return", "say more", "Please say more about consent."
    )
    assert subjects(archive, people["petra"])[0] == "Chest CT: returned for changes"
    submissions.save_proposal(archive, people["petra"], made.id, "Chest CT, 200", {**ANSWERS, "subjects": "200"})
    submissions.submit_proposal(archive, people["petra"], made.id)
    again = submissions.find_proposal(archive, people["carl"], made.id)
    assert (again.round, again.answers["subjects"]) == (2, "200")
    assert submissions.votes_on(archive, people["carl"], again) == ([], None)


def test_a_decision_is_final_and_the_second_is_told_who_was_first(archive: Archive, people: Any) -> None:
    made = handed_in(archive, people["petra"])
    submissions.decide_proposal(archive, people["carl"], made.id, "decline", "Not our field.", "Try elsewhere.")
    with pytest.raises(submissions.Decided, match="declined by carl"):
        submissions.decide_proposal(archive, people["cleo"], made.id, "accept", "I like it")
    with pytest.raises(submissions.Decided):
        submissions.save_proposal(archive, people["petra"], made.id, "Another title", ANSWERS)
    assert submissions.find_proposal(archive, people["petra"], made.id).message == "Try elsewhere."


def test_of_two_who_decide_at_once_one_wins(archive: Archive, people: Any) -> None:
    made = handed_in(archive, people["petra"])
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def decide(name: str, verdict: str) -> None:
        start.wait()
        try:
            submissions.decide_proposal(archive, people[name], made.id, verdict, "because")
            outcomes.append(verdict)
        except submissions.Decided as told:
            outcomes.append(told.kind)

    threads = [threading.Thread(target=decide, args=one) for one in (("carl", "accept"), ("cleo", "decline"))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(outcomes)[-1] == "proposal.decided"
    assert submissions.find_proposal(archive, people["petra"], made.id).state in ("accepted", "declined")


def test_a_majority_is_more_than_half_of_those_who_may_vote(archive: Archive, people: Any) -> None:
    strict = ruled(archive, decision="majority")
    made = handed_in(strict, people["petra"])
    with pytest.raises(submissions.NotSettled):
        submissions.decide_proposal(strict, people["carl"], made.id, "accept", "good")
    assert submissions.vote(strict, people["carl"], made.id, "accept", "good") is None
    submissions.decide_proposal(strict, people["cleo"], made.id, "accept", "good")
    assert submissions.find_proposal(strict, people["petra"], made.id).state == "accepted"


def test_one_against_is_enough_where_all_must_be_for_it(archive: Archive, people: Any) -> None:
    strict = ruled(archive, decision="all")
    made = handed_in(strict, people["petra"])
    submissions.vote(strict, people["carl"], made.id, "accept", "good")
    assert submissions.vote(strict, people["cleo"], made.id, "decline", "bad") == "decline"
    with pytest.raises(submissions.NotSettled):
        submissions.decide_proposal(strict, people["cora"], made.id, "accept", "good")


def test_the_administrators_decide_as_long_as_there_is_no_committee(archive: Archive) -> None:
    make_person(archive, "petra")
    make_person(archive, "root", "administrator")
    made = handed_in(archive, actor_named(archive, "petra"))
    submissions.decide_proposal(archive, actor_named(archive, "root"), made.id, "accept", "good")
    assert submissions.find_proposal(archive, actor_named(archive, "petra"), made.id).state == "accepted"


@pytest.mark.parametrize("deposit", ["invitation", "own-projects", "official", "suggestion", "closed"])
def test_where_proposals_are_not_taken_the_standing_message_says_so(
    archive: Archive, people: Any, deposit: str
) -> None:
    other = ruled(archive, deposit=deposit, notice="Only the initiative delivers here.")
    with pytest.raises(submissions.NotThisWay, match="Only the initiative"):
        submissions.begin_proposal(other, people["petra"], "Chest CT", ANSWERS)


def test_proposals_keep_the_questions_that_they_were_asked(archive: Archive, people: Any) -> None:
    made = handed_in(archive, people["petra"])
    submissions.write_form(archive, people["root"], [{"key": "why", "text": "Why?", "kind": "long", "required": True}])
    form = submissions.form_of_proposal(archive, made)
    assert form is not None
    assert form.questions[0].key == "institution"
    assert submissions.form_in_force(archive).questions[0].key == "why"
    with pytest.raises(Refused):
        submissions.write_form(archive, people["carl"], [{"key": "why", "text": "Why?", "kind": "long"}])


@pytest.mark.parametrize(
    "questions",
    [
        [],
        [{"key": "A b", "text": "x", "kind": "text"}],
        [{"key": "a", "text": "x", "kind": "choice"}],
        [{"key": "a", "text": "x", "kind": "script"}],
        [{"key": "a", "text": "x", "kind": "text"}, {"key": "a", "text": "y", "kind": "text"}],
        [{"key": "a", "text": "x", "kind": "text", "onload": "x"}],
    ],
)
def test_a_form_that_cannot_be_asked_is_refused(archive: Archive, people: Any, questions: Any) -> None:
    with pytest.raises(submissions.BadForm):
        submissions.write_form(archive, people["root"], questions)


def test_an_attachment_comes_back_as_it_was_and_only_to_those_who_see_the_proposal(
    archive: Archive, people: Any
) -> None:
    made = submissions.begin_proposal(archive, people["petra"], "Chest CT", ANSWERS)
    file = submissions.attach_to_proposal(
        archive, people["petra"], made.id, "approval", "C:\\x\\letter.pdf", [b"%PDF", b"-1"]
    )
    submissions.submit_proposal(archive, people["petra"], made.id)
    found, content = submissions.open_proposal_file(archive, people["carl"], made.id, file.id)
    assert (found.name, found.size_bytes, b"".join(content)) == ("letter.pdf", 6, b"%PDF-1")
    with pytest.raises(submissions.UnknownProposal):
        submissions.open_proposal_file(archive, people["eve"], made.id, file.id)
    with pytest.raises(submissions.Decided):
        submissions.attach_to_proposal(archive, people["petra"], made.id, "", "more.pdf", [b"x"])


def test_an_attachment_over_the_limit_leaves_nothing(archive: Archive, people: Any) -> None:
    small = ruled(archive, attachment_bytes=10)
    made = submissions.begin_proposal(small, people["petra"], "Chest CT", ANSWERS)
    with pytest.raises(TooLarge):
        submissions.attach_to_proposal(small, people["petra"], made.id, "", "big.bin", iter([b"12345678"] * 1000))
    with pytest.raises(TooLarge):
        submissions.check_attachment_size(small, 2 << 30)
    assert submissions.files_of_proposal(small, made) == []
    assert list((archive.held.root / "spool").iterdir()) == []


def test_a_removed_attachment_is_gone_from_the_disk(archive: Archive, people: Any) -> None:
    made = submissions.begin_proposal(archive, people["petra"], "Chest CT", ANSWERS)
    file = submissions.attach_to_proposal(archive, people["petra"], made.id, "", "a.txt", [b"content"])
    submissions.remove_from_proposal(archive, people["petra"], made.id, file.id)
    with pytest.raises(InvivoError):
        submissions.open_proposal_file(archive, people["petra"], made.id, file.id)


def signed(archive: Archive, people: Any) -> submissions.Proposal:
    made = handed_in(archive, people["petra"])
    submissions.decide_proposal(archive, people["carl"], made.id, "accept", "good")
    words = submissions.agreement_in_force(archive)
    submissions.sign_agreement(archive, people["petra"], made.id, words.version, "Petra Proposer")
    return made


def test_two_signatures_open_a_private_collection_and_a_submission(archive: Archive, people: Any) -> None:
    made = signed(archive, people)
    opened = submissions.countersign(archive, people["cleo"], made.id, "Cleo Clerk", submissions.Opening("CHEST-CT"))
    petra = actor_named(archive, "petra")
    assert opened.state == "opened"
    assert petra.may_submit(opened.collection_id or 0)
    assert not petra.may_curate(opened.collection_id or 0)
    assert submissions.find_submission(archive, petra, opened.submission_id or 0).collection == "CHEST-CT"
    with pytest.raises(submissions.UnknownSubmission):
        submissions.find_submission(archive, people["eve"], opened.submission_id or 0)
    assert "Chest CT: deliver now" in subjects(archive, people["petra"])


def test_the_archive_does_not_sign_first_nor_twice(archive: Archive, people: Any) -> None:
    made = handed_in(archive, people["petra"])
    submissions.decide_proposal(archive, people["carl"], made.id, "accept", "good")
    with pytest.raises(submissions.NotSigned):
        submissions.countersign(archive, people["cleo"], made.id, "Cleo Clerk", submissions.Opening("CHEST-CT"))
    words = submissions.agreement_in_force(archive)
    submissions.sign_agreement(archive, people["petra"], made.id, words.version, "Petra Proposer")
    with pytest.raises(submissions.NotSigned):
        submissions.sign_agreement(archive, people["petra"], made.id, words.version, "Petra Proposer")
    submissions.countersign(archive, people["cleo"], made.id, "Cleo Clerk", submissions.Opening("CHEST-CT"))
    with pytest.raises(submissions.Decided):
        submissions.countersign(archive, people["carl"], made.id, "Carl", submissions.Opening("CHEST-2"))


def test_words_that_changed_since_they_were_read_are_not_signed(archive: Archive, people: Any) -> None:
    made = handed_in(archive, people["petra"])
    submissions.decide_proposal(archive, people["carl"], made.id, "accept", "good")
    old = submissions.agreement_in_force(archive)
    submissions.write_agreement(archive, people["root"], "Other words.")
    with pytest.raises(submissions.NotSigned, match="changed"):
        submissions.sign_agreement(archive, people["petra"], made.id, old.version, "Petra Proposer")


def test_a_taken_name_leaves_nothing_signed(archive: Archive, people: Any) -> None:
    make_collection(archive, "LUNG-1")
    made = signed(archive, people)
    with pytest.raises(Conflict, match="another short name"):
        submissions.countersign(archive, people["cleo"], made.id, "Cleo Clerk", submissions.Opening("lung-1"))
    agreement = submissions.agreement_of(archive, made)
    assert agreement is not None
    assert agreement.counter_at is None


def test_an_opening_that_broke_off_leaves_nothing_signed_and_no_collection(
    archive: Archive, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, opening = signed(archive, people), submissions.Opening("CHEST-CT")
    with monkeypatch.context() as patch:
        patch.setattr("invivo.submissions.agreement.open_in", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            submissions.countersign(archive, people["cleo"], made.id, "Cleo Clerk", opening)
    agreement = submissions.agreement_of(archive, made)
    assert agreement is not None
    assert agreement.counter_at is None
    assert collections.listed(archive, SYSTEM) == []
    assert submissions.countersign(archive, people["carl"], made.id, "Carl Clerk", opening).state == "opened"
    assert len(submissions.list_submissions(archive, actor_named(archive, "petra"))) == 1


def test_a_proposal_is_opened_by_its_agreement_alone(archive: Archive, people: Any) -> None:
    made = signed(archive, people)
    with pytest.raises(submissions.NotSigned, match="that opens the collection"):
        submissions.take_up(archive, people["cleo"], made.id, submissions.Opening("CHEST-CT"))


def test_a_suggestion_is_taken_up_by_a_moderator_without_an_agreement(archive: Archive, people: Any) -> None:
    moderated = ruled(archive, deposit="suggestion", decision="all")
    made = submissions.suggest(moderated, people["petra"], "Brain atlas", "An atlas of many brains.")
    submissions.decide_proposal(moderated, people["carl"], made.id, "accept", "fits")
    opened = submissions.take_up(moderated, people["carl"], made.id, submissions.Opening("BRAINS"))
    assert actor_named(archive, "petra").may_submit(opened.collection_id or 0)


def test_a_withdrawn_proposal_is_not_decided(archive: Archive, people: Any) -> None:
    made = handed_in(archive, people["petra"])
    submissions.withdraw_proposal(archive, people["petra"], made.id)
    with pytest.raises(submissions.Decided):
        submissions.decide_proposal(archive, people["carl"], made.id, "accept", "good")


def test_a_signature_is_a_name(archive: Archive, people: Any) -> None:
    made = handed_in(archive, people["petra"])
    submissions.decide_proposal(archive, people["carl"], made.id, "accept", "good")
    with pytest.raises(Invalid):
        submissions.sign_agreement(archive, people["petra"], made.id, 1, " x ")
