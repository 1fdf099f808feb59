"""Where the bytes lie of series that are only described here."""

from collections.abc import Sequence
from dataclasses import dataclass

from invivo import accounts, collections, database
from invivo.archive import Archive


@dataclass(frozen=True, slots=True)
class Location:
    """Where a series can be fetched.

    Attributes
    ----------
    url : str
        Folder of its files in a public store, ``s3://bucket/folder/``.
    size_bytes, instance_count : int
        As the catalogue says; `instance_count` is the number of files.
    dataset, citation : str
        What it was published in, and how to cite that; empty where the catalogue does not say.
    is_result : bool
        Whether others made it of a collection's data.
    """

    series_uid: str
    url: str
    size_bytes: int
    instance_count: int
    dataset: str
    citation: str
    is_result: bool

    @property
    def bucket(self) -> str:
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def folder(self) -> str:
        """The folder in the bucket, with a slash at its end."""
        return self.url.removeprefix("s3://").partition("/")[2]


_LOCATIONS = """
select s.uid, l.url, s.size_bytes, s.instance_count, coalesce(d.title, '') as dataset, coalesce(d.citation, '') as citation,
    coalesce(d.is_result, false) as is_result
from images.series s join images.location l on l.series_id = s.id
left join collections.dataset d on d.id = l.dataset_id
where s.uid = any (%(uids)s) and upper_inf(s.releases) and {visible}
order by s.id
"""


def locations_of(archive: Archive, actor: accounts.Actor, series_uids: Sequence[str]) -> dict[str, Location]:
    """Return where series of the current release lie whose bytes are elsewhere, by UID; the others are left out."""
    statement = database.join(_LOCATIONS, visible=collections.visible_to(actor))
    with archive.database.transaction() as tx:
        found = database.rows(
            tx, database.Statement(statement.text, {**statement.parameters, "uids": list(series_uids)})
        )
    return {row.uid: Location(*row) for row in found}
