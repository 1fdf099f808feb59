"""Answers as DICOM queries want them: whole studies, series and instances, a page at a time, without counting the rest.

References
----------
DICOM PS3.4 C.4.1; PS3.18 10.6.
"""

from dataclasses import dataclass

from invivo import accounts, database, images
from invivo.archive import Archive
from invivo.search.meaning import bound
from invivo.search.query import Query
from invivo.search.result import Found
from invivo.search.statement import FROM, visible_and_asked

_OF_STUDY = """
t.uid as study_uid, t.study_date, t.study_time, t.study_id, t.accession_number, t.description as study_description,
t.referring_physician, t.patient_age, p.label as subject, coalesce(p.name, p.label) as patient_name, p.birth_date, p.sex,
c.short_name as collection
"""
_OF_SERIES = """
s.uid as series_uid, s.key as series_key, s.modality, s.number as series_number, s.description as series_description,
s.series_date, s.series_time, s.body_part, s.laterality, s.protocol, s.manufacturer, s.model, s.slice_thickness_mm, s.kvp,
s.patient_position, s.frame_of_reference_uid, s.instance_count
"""
_OF_INSTANCE = """
i.uid, i.sop_class_uid, i.transfer_syntax_uid, i.number, i.rows, i.columns, i.bits_allocated, i.frames
"""
# The totals of a study are over all its series that the actor may see, not over those that the query names. Its lists have
# a value a series, in no order: sorting a handful of texts costs less where they are written.
_STUDIES = f"""
select k.*, a.* from (
  select t.id as place, {_OF_STUDY} from images.study t
  join subjects.subject p on p.id = t.subject_id
  join collections.collection c on c.id = t.collection_id
  where t.id > %(after)s and exists (
    select 1 from images.series s where s.study_id = t.id and upper_inf(s.releases) and {{visible}} and {{query}})
  order by t.id limit %(limit)s offset %(offset)s) k
cross join lateral (
  select array_agg(s.modality) as modalities, count(*) as series_count, sum(s.instance_count)::bigint as instance_count,
  string_to_array(string_agg(array_to_string(s.sop_classes, ' '), ' '), ' ') as sop_classes,
  array_agg(s.key) as series_keys
  from images.series s where s.study_id = k.place and upper_inf(s.releases) and {{visible}}) a
order by k.place
"""
_SERIES = f"""
select s.id as place, {_OF_SERIES}, {_OF_STUDY} {FROM} and s.id > %(after)s order by s.id limit %(limit)s offset %(offset)s
"""
_INSTANCES = f"""
select i.id as place, {_OF_INSTANCE}, {_OF_SERIES}, {_OF_STUDY}
{FROM.replace("where upper_inf", "join images.instance i on i.series_key = s.key and upper_inf(i.releases) where upper_inf", 1)}
and i.id > %(after)s
"""
_STATEMENTS = {
    "study": _STUDIES,
    "series": _SERIES,
    "instance": f"{_INSTANCES} order by i.id limit %(limit)s offset %(offset)s",
}
_BY_NUMBER = f"{_INSTANCES} order by s.id, i.number nulls last, i.uid limit %(limit)s offset %(offset)s"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of an answer.

    Attributes
    ----------
    rows : tuple of named tuples
        See the column lists of this file.
    after : int or None
        Ask the next page with this; None at the end.
    has_more : bool
    """

    rows: tuple[Found, ...]
    after: int | None
    has_more: bool


def matches(
    archive: Archive,
    actor: accounts.Actor,
    query: Query,
    level: str,
    *,
    after: int = 0,
    offset: int = 0,
    limit: int = 50,
    by_number: bool = False,
) -> Page:
    """Answer a query of DICOM at a level, in the order of arrival.

    Parameters
    ----------
    level : {"study", "series", "instance"}
    after : int
        Key of the last row of the page before.
    offset : int
        For protocols that page by counting rows.
    by_number : bool
        Instances in the order of their series and numbers; pages by `offset` only.
    """
    query = bound(archive, actor, query)
    template = _BY_NUMBER if by_number and level == "instance" else _STATEMENTS[level]
    statement = database.join(template, **visible_and_asked(actor, query, level))
    page = {"after": after, "offset": offset, "limit": limit + 1}
    found = images.read_rows(archive, database.Statement(statement.text, {**statement.parameters, **page}))
    shown = tuple(found[:limit])
    has_more = len(found) > limit
    return Page(shown, shown[-1].place if shown and has_more else None, has_more)
