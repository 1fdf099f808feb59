"""Proposals and their agreements survive `kill -9` at every point."""

from collections.abc import Callable

import pytest

from invivo import accounts, submissions
from invivo.archive import Archive
from tests.factories import SYSTEM, actor_named
from tests.robust.killing import Case
from tests.submissions.test_proposal import ANSWERS

pytestmark = pytest.mark.slow
OPENING = submissions.Opening("CHEST-CT")


def people(archive: Archive) -> dict[str, accounts.Actor]:
    with archive.database.transaction() as tx:  # without the time that good password digests take
        tx.execute(
            "insert into accounts.person (name, password_hash, site_roles, email) select name, '', '{}',"
            " name || '@example.org' from unnest(%s::text[]) name",
            [["petra", "carl", "cleo"]],
        )
    for name in ("carl", "cleo"):
        submissions.appoint(archive, SYSTEM, actor_named(archive, name).person_id or 0)
    return {name: actor_named(archive, name) for name in ("petra", "carl", "cleo")}


def drafted(archive: Archive) -> tuple[int]:
    petra = people(archive)["petra"]
    return (submissions.begin_proposal(archive, petra, "Chest CT", ANSWERS).id,)


def submit(archive: Archive, number: int) -> None:
    submissions.submit_proposal(archive, actor_named(archive, "petra"), number)


def submitted(archive: Archive) -> tuple[int]:
    (number,) = drafted(archive)
    submit(archive, number)
    return (number,)


def vote(archive: Archive, number: int) -> None:
    submissions.vote(archive, actor_named(archive, "carl"), number, "accept", "good")


def decide(archive: Archive, number: int) -> None:
    submissions.decide_proposal(archive, actor_named(archive, "cleo"), number, "accept", "good")


def accepted(archive: Archive) -> tuple[int]:
    (number,) = submitted(archive)
    decide(archive, number)
    submissions.agreement_in_force(archive)  # written down when it is first asked for
    return (number,)


def sign(archive: Archive, number: int) -> None:
    version = submissions.agreement_in_force(archive).version
    submissions.sign_agreement(archive, actor_named(archive, "petra"), number, version, "Petra Proposer")


def signed(archive: Archive) -> tuple[int]:
    (number,) = accepted(archive)
    sign(archive, number)
    return (number,)


def countersign(archive: Archive, number: int) -> None:
    submissions.countersign(archive, actor_named(archive, "cleo"), number, "Cleo Clerk", OPENING)


def suggested(archive: Archive) -> tuple[int]:
    number = submissions.suggest(archive, people(archive)["petra"], "Brain atlas", "An atlas of many brains.").id
    decide(archive, number)
    return (number,)


def take_up(archive: Archive, number: int) -> None:
    submissions.take_up(archive, actor_named(archive, "cleo"), number, OPENING)


def attach(archive: Archive, number: int) -> None:
    submissions.attach_to_proposal(archive, actor_named(archive, "petra"), number, "", "plan.txt", [b"a plan"])


def with_file(archive: Archive) -> tuple[int]:
    (number,) = drafted(archive)
    attach(archive, number)
    return (number,)


def detach(archive: Archive, number: int) -> None:
    petra = actor_named(archive, "petra")
    for file in submissions.files_of_proposal(archive, submissions.find_proposal(archive, petra, number)):
        submissions.remove_from_proposal(archive, petra, number, file.id)


def no_file_is_left_over(archive: Archive) -> None:
    """Each file that is held belongs to a proposal, and each that a proposal has is held."""
    with archive.database.transaction() as tx:
        known = {row.digest for row in tx.execute("select digest from submissions.proposal_file")}
    assert {path.name for path in archive.held.root.glob("??/??/*")} == known


def write(archive: Archive, number: int) -> None:
    person = actor_named(archive, "petra")
    submissions.save_proposal(archive, person, number, "Another title", {**ANSWERS, "subjects": "200"})


CASES = (
    Case("save", drafted, write, may_repeat=True),
    Case("submit", drafted, submit),
    Case("vote", submitted, vote, may_repeat=True),
    Case("decide", submitted, decide),
    Case("sign", accepted, sign),
    Case("countersign-and-open", signed, countersign),
    Case("take-up", suggested, take_up, settings={"submissions": {"deposit": "suggestion"}}),
    Case("attach", drafted, attach, may_repeat=True, rests=no_file_is_left_over),
    Case("detach", with_file, detach, may_repeat=True, rests=no_file_is_left_over),
)


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_a_killed_step_of_a_proposal_is_done_or_not_begun(case: Case, proves: Callable[[Case], int]) -> None:
    assert proves(case) > 0
