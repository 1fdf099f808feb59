"""References between series, both ways, as far as the actor may see them.

References
----------
DICOM PS3.3 C.8.20 (segmentation), C.8.8.5 (structure set), C.17.2.1 (evidence of a report), C.11.11 (presentation state).
"""

from dataclasses import dataclass

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.images.asking import read_rows
from invivo.images.series import Series, joined_series

MOST_SHOWN = 200
_WORDS = {
    "SEG": "segmentation",
    "RTSTRUCT": "structure set",
    "SR": "report",
    "PR": "presentation state",
    "ANN": "annotation",
    "KO": "key objects",
    "RTDOSE": "dose",
    "RTPLAN": "plan",
    "REG": "registration",
}
_TO = (
    "s.id in (select w.source_id from images.referred w join images.series o on o.id = w.target_id"
    " where o.id = %(id)s) and upper_inf(s.releases)"
)
_FROM = "s.id in (select w.target_id from images.referred w where w.source_id = %(id)s) and upper_inf(s.releases)"
_STATED = """
select r.level, r.uid from images.reference r where r.series_id = %(id)s and r.level <> 'frame' and not exists (
    select from images.series s where s.uid = r.uid and upper_inf(s.releases) and {visible})
and not exists (select from images.instance i join images.series s on s.key = i.series_key and upper_inf(s.releases)
    where i.uid = r.uid and upper_inf(i.releases) and {visible})
order by r.level desc, r.uid limit %(most)s
"""


@dataclass(frozen=True, slots=True)
class Related:
    """A series that refers to another one, or that is referred to.

    Attributes
    ----------
    kind : str
        What it is, for people: ``segmentation``, ``structure set``, ``report``; ``images`` for all that is nothing else.
    """

    kind: str
    series: Series


@dataclass(frozen=True, slots=True)
class Missing:
    """What a series refers to and is not here, or not for the actor: a series, or an instance of a series not named."""

    level: str
    uid: str


@dataclass(frozen=True, slots=True)
class References:
    """The references of a series, both ways.

    Attributes
    ----------
    by : tuple of Related
        What refers to it, at most `MOST_SHOWN`: segmentations first.
    to : tuple of Related
        What it refers to, at most `MOST_SHOWN`.
    missing : tuple of Missing
        At most `MOST_SHOWN`.
    """

    by: tuple[Related, ...]
    to: tuple[Related, ...]
    missing: tuple[Missing, ...]


def references_of(archive: Archive, actor: accounts.Actor, series: Series) -> References:
    """Return what refers to a series and what it refers to, of the current release and visible to the actor.

    A structure set that names no series refers to the pictures of its subject in its frame of reference.
    """
    by, to = (_related(archive, actor, series, condition) for condition in (_TO, _FROM))
    statement = database.join(_STATED, visible=collections.visible_to(actor))
    given = {**statement.parameters, "id": series.id, "most": MOST_SHOWN}
    found = read_rows(archive, database.Statement(statement.text, given))
    return References(by, to, tuple(Missing(row.level, row.uid) for row in found))


def _related(archive: Archive, actor: accounts.Actor, series: Series, condition: str) -> tuple[Related, ...]:
    found = joined_series(archive, actor, f"{condition}", {"id": series.id}, MOST_SHOWN)
    order = list(_WORDS)
    return tuple(
        Related(_WORDS.get(one.modality, "images"), one)
        for one in sorted(found, key=lambda one: order.index(one.modality) if one.modality in order else len(order))
    )
