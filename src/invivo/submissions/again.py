"""What is gone through once more: decisions taken back, and released objects held again under a delivery of their own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from invivo import accounts, collections, database, dicom, images, quarantine, reviews
from invivo.archive import Archive
from invivo.errors import Busy, Conflict
from invivo.submissions.output import actions_of_report, doubts_of_report, faults_of, keep_output
from invivo.submissions.rules import shows_defacing, weighed
from invivo.submissions.second_pass import Passed


def take_back(archive: Archive, series_id: int, rule: str) -> None:
    """Take decisions back that were made about what is to be cleaned anew; the rule is the actor."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select i.id from reviews.item i where i.series_id = %s and (i.state = 'approved' and exists"
            " (select 1 from quarantine.object o where o.series_id = i.series_id and o.state = 'cleared')"
            " or i.state = 'open' and i.approved_once_by is not null) order by i.id desc",
            [series_id],
        ).fetchall()
    if found:
        try:
            reviews.decide(archive, accounts.rule(rule), [found[0].id], "reopen")
        except Conflict:
            return  # a release was quicker


def doubts_of_pass(policy: collections.Collection, path: Path, passed: Passed) -> list[list[str]]:
    """Doubts about what a second pass made of a released file, as the rules in force weigh them."""
    assert policy.rules is not None
    is_defaced = policy.rules.head_policy == "evidence" and shows_defacing(dicom.read_dataset(path, pixels=False))
    doubts = weighed(policy.rules, passed.report.doubts, is_defaced=is_defaced)
    return doubts_of_report(replace(passed.report, doubts=tuple(doubts)))


def keep_again(
    archive: Archive, instance: images.Instance, passed: Passed, doubts: Sequence[Sequence[str]]
) -> quarantine.Again:
    """Keep what a second pass made of a released object, and the released file beside it, as what it was made from.

    Parameters
    ----------
    doubts : sequence of (severity, code, path, text)

    Raises
    ------
    Invalid, TooLarge
        The new file cannot be read.
    """
    archive.held.adopt([instance.digest], archive.objects)
    told = [*doubts, *faults_of(passed.output)]
    label, actions = passed.report.subject_label, actions_of_report(passed.report)
    return again_of(instance, keep_output(archive, passed.output, told, label, actions))


def again_of(instance: images.Instance, clean: quarantine.Clean) -> quarantine.Again:
    """A released object with the file that shall take the place of its own."""
    return quarantine.Again(
        instance.digest,
        instance.size_bytes,
        instance.crc32,
        instance.sop_class_uid,
        instance.transfer_syntax_uid,
        clean,
    )


def need_released(tx: database.Tx, chosen: Sequence[images.Instance]) -> None:
    """Make sure that the objects are still those of the current release, and let nobody withdraw them meanwhile.

    Raises
    ------
    Busy
    """
    ids = [one.id for one in chosen]
    found = tx.execute(
        "select id from images.instance where id = any (%s) and upper_inf(releases) order by id for share", [ids]
    ).fetchall()
    if len(found) < len(ids):
        raise Busy("A release was made in between; this series is looked at again.", code="rules.released-meanwhile")


def open_closed(tx: database.Tx, collection_id: int, title: str) -> int:
    """Make a delivery that nobody can send into: what a job of the archive holds stands under it."""
    made = tx.execute(
        "insert into submissions.submission (collection_id, title, state, closed_at) values (%s, %s, 'closed', now()) returning id",
        [collection_id, title],
    ).fetchone()
    assert made is not None
    return int(made.id)
