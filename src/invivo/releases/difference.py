"""What lies between two releases of a collection: series by series."""

from dataclasses import dataclass

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.errors import Invalid

MOST = 100_000


@dataclass(frozen=True, slots=True)
class Changed:
    """A series that the two releases do not have in common.

    Attributes
    ----------
    kind : {"added", "revised", "withdrawn"}
    instance_count, size_bytes : int
        In the newer release; of a withdrawn series in the older one.
    """

    kind: str
    series_uid: str
    study_uid: str
    subject: str
    modality: str
    description: str
    instance_count: int
    size_bytes: int


_CHANGED = """
with former as (
    select s.* from images.series s where s.collection_id = %(id)s and s.releases @> %(older)s::int and {visible}
), later as (
    select s.* from images.series s where s.collection_id = %(id)s and s.releases @> %(newer)s::int and {visible}
), changed as (
    select case when former.id is null then 'added' when later.id is null then 'withdrawn' else 'revised' end as kind,
        coalesce(later.uid, former.uid) as uid, coalesce(later.study_id, former.study_id) as study_id,
        coalesce(later.subject_id, former.subject_id) as subject_id, coalesce(later.modality, former.modality) as modality,
        coalesce(later.description, former.description, '') as description,
        coalesce(later.instance_count, former.instance_count) as instances,
        coalesce(later.size_bytes, former.size_bytes) as size
    from former full join later on later.uid = former.uid
    where former.id is distinct from later.id
)
select c.kind, c.uid, t.uid as study_uid, p.label, c.modality, c.description, c.instances, c.size
from changed c join images.study t on t.id = c.study_id join subjects.subject p on p.id = c.subject_id
order by c.kind, p.label, c.uid limit %(most)s
"""


def difference(
    archive: Archive, actor: accounts.Actor, collection_id: int, older: int, newer: int, most: int = MOST
) -> list[Changed]:
    """Return what changed from one release to a later one, as far as the actor may see it; `older` 0 is before the first.

    Raises
    ------
    Invalid
        The older is not the older.
    """
    if not 0 <= older < newer:
        raise Invalid("The first release must be the older one.", code="release.order")
    statement = database.join(_CHANGED, visible=collections.visible_to(actor))
    given = {"id": collection_id, "older": older, "newer": newer, "most": min(most, MOST)}
    with archive.database.transaction() as tx:
        found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, **given}))
    return [Changed(*row) for row in found]
