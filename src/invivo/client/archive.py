"""An archive, as a program outside it sees it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pyarrow

from invivo import __version__
from invivo.client.answer import ask, refusal, unreachable
from invivo.client.choice import Choice, Weight, choose, pairs_of, weigh
from invivo.client.download import Fetched, Way
from invivo.client.fetching import fetch_all, has_files
from invivo.client.index import Table, fetch_index
from invivo.client.layout import layout_of
from invivo.client.pace import Pace, read_limit
from invivo.client.table import table_of
from invivo.client.upload import send_file
from invivo.client.volume import Volume, read_volume
from invivo.errors import Broken, Invalid, TooLarge


class Archive:
    """A connection to an archive; a context manager that closes it.

    Parameters
    ----------
    url : str
        Address of the archive, such as ``https://archive.example.org``.
    token : str, optional
        API token; without it one sees what everybody sees.

    Examples
    --------
    >>> with Archive("https://archive.example.org") as archive:  # doctest: +SKIP
    ...     thin = archive.table("modality:CT slice-thickness<1.5mm").to_pandas()
    """

    def __init__(self, url: str, token: str = "", *, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"User-Agent": f"invivo/{__version__}", **({"Authorization": f"Bearer {token}"} if token else {})}
        self.http = httpx.Client(
            base_url=url.rstrip("/"), headers=headers, timeout=httpx.Timeout(60, connect=10), transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.http.close()

    def get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> Any:
        """Return the JSON of an address.

        Raises
        ------
        Unreachable, NotFound, Refused, Invalid
            With the archive's own message.
        """
        return ask(self.http, "GET", path, params=list(params))

    def post(self, path: str, body: Any) -> Any:
        """Send JSON to an address and return the JSON of the answer.

        Raises
        ------
        Unreachable, NotFound, Refused, Invalid, Conflict, Busy
            With the archive's own message.
        """
        return ask(self.http, "POST", path, json=body)

    def content(self, path: str, most_bytes: int) -> bytes:
        """Return the bytes of an address that gives no page.

        Raises
        ------
        Unreachable, NotFound, Refused, TooLarge
            Also for more than `most_bytes`.
        """
        content = bytearray()
        try:
            with self.http.stream("GET", path) as answer:
                if answer.status_code != 200:
                    answer.read()
                    raise refusal(answer) if answer.status_code >= 400 else Broken("The archive leads elsewhere.")
                for chunk in answer.iter_bytes():
                    content += chunk
                    if len(content) > most_bytes:
                        raise TooLarge(f"The answer is longer than {most_bytes} bytes.")
        except httpx.TransportError as error:
            raise unreachable(self.http, error) from None
        return bytes(content)

    def search(self, pairs: Iterable[tuple[str, str]] | str = (), **criteria: str) -> list[str]:
        """Return the UIDs of the series that meet all criteria.

        Parameters
        ----------
        pairs : str or pairs of name and value
            A text of the query language, such as ``"chest modality:CT age>60"``; or names and values.
        criteria
            Names as on the search page: ``modality="CT"``, ``body_part="CHEST"``.
        """
        return [str(row["series_uid"]) for row in self.rows(_asked(pairs, criteria))]

    def table(
        self,
        query: Iterable[tuple[str, str]] | str = (),
        *,
        level: str = "series",
        columns: Sequence[str] = (),
        **criteria: str,
    ) -> pyarrow.Table:
        """Return what a query finds as a table; ``.to_pandas()`` makes a data frame of it.

        Parameters
        ----------
        query : str or pairs of name and value
            See `search`.
        level : {"series", "study", "subject"}
        columns : sequence of str, optional
            Only these, in this order. Lengths are in mm, voltages in kV, sizes in bytes, dates are dates.

        Raises
        ------
        Invalid
            The query is none, with the word at which it fails; or there is no such column.
        Unreachable
        """
        return table_of(list(self.rows(_asked(query, criteria), level)), columns)

    def rows(self, pairs: Sequence[tuple[str, str]], level: str = "series") -> Iterator[dict[str, Any]]:
        """Yield the rows of a search, page by page."""
        after: list[tuple[str, str]] = []
        while True:
            page = self.get("/api/search", [*pairs, ("level", level), ("limit", "500"), *after])
            yield from page["rows"]
            if page["after"] is None:
                return
            after = [("after", str(page["after"]))]

    def count(self, query: Iterable[tuple[str, str]] | str = (), *, level: str = "series", **criteria: str) -> int:
        """Return how many series, studies or subjects a query finds."""
        page = self.get("/api/search", [*_asked(query, criteria), ("level", level), ("limit", "1")])
        return int(page["total"])

    def facets(
        self, query: Iterable[tuple[str, str]] | str = (), *, limit: int = 12, **criteria: str
    ) -> dict[str, dict[str, int]]:
        """Return the most frequent values of some fields under a query, with how many series each has."""
        told = self.get("/api/facets", [*_asked(query, criteria), ("limit", str(limit))])
        return {one["name"]: {value["value"]: value["series"] for value in one["values"]} for one in told}

    def values(self, field: str, query: Iterable[tuple[str, str]] | str = (), **criteria: str) -> dict[str, int]:
        """Return the values of one of the fields of `facets`, with how many series each has.

        Raises
        ------
        Invalid
            There is no such facet; the message names those there are.
        """
        found = self.facets(query, limit=100, **criteria)
        name = field.replace("_", "-")
        if name not in found:
            raise Invalid(f"Values are told of {', '.join(found)}; ask `table` for others.", code="client.facet")
        return found[name]

    def collections(self) -> pyarrow.Table:
        """Return the collections as a table: name, title, licence, access."""
        return table_of(self.get("/api/collections"), ())

    def cite(self, what: Iterable[str] | str) -> list[str]:
        """Return how to cite a selection, one line a collection.

        Parameters
        ----------
        what : str or iterable of str
            See `choose`.
        """
        named = self.weigh(self.choose(what)).collections
        return [self.content(f"/collections/{name}/metadata?format=apa", 1 << 20).decode().strip() for name in named]

    def licences(self, what: Iterable[str] | str) -> dict[str, int]:
        """Return the licences of a selection, as SPDX identifiers with how many series each has."""
        return dict(self.weigh(self.choose(what)).licences)

    def references(self, series_uid: str) -> dict[str, list[str]]:
        """Return which series a series refers to and which refer to it: ``{"to": [UIDs], "from": [UIDs]}``.

        Raises
        ------
        NotFound, Unreachable
        """
        told = self.get(f"/series/{series_uid}.json")
        named = {"to": "refers_to", "from": "referred_by"}
        return {way: [str(one["series_uid"]) for one in told[name]] for way, name in named.items()}

    def choose(self, what: Iterable[str] | str) -> Choice:
        """Resolve UIDs, manifests, addresses, DOIs or a query into series; see `choice.choose`."""
        return choose(self, [what] if isinstance(what, str) else list(what))

    def weigh(self, choice: Choice) -> Weight:
        """Return size, licences and what may not be had, before anything is fetched."""
        return weigh(self, choice)

    def download(
        self,
        what: Iterable[str] | str,
        folder: str | Path,
        *,
        layout: str = "",
        workers: int = 4,
        limit: str = "",
    ) -> list[Fetched]:
        """Fetch series into a folder: in parallel, resumed, verified; what is here is not fetched again.

        Parameters
        ----------
        what : str or iterable of str
            Series UIDs, or anything else that `choose` takes.
        folder : str or Path
        layout : str
            Template of folders, see docs/python.md; the folder remembers it.
        limit : str
            Bytes a second, such as ``"10M"``.

        Returns
        -------
        list of Fetched
            In the order of the choice. A failure is an outcome with its reason, not an error.
        """
        chosen, root = self.choose(what), Path(folder)
        way = Way(layout_of(root, layout), Pace(read_limit(limit)), may_be_here=has_files(root))
        found = fetch_all(self.http, chosen.series_uids, root, way, workers=workers, rows=chosen.rows)
        done = {one.series_uid: one for one in found}
        return [done[uid] for uid in chosen.series_uids]

    def read(self, series_uid: str, folder: str | Path, *, may_be_irregular: bool = False) -> Volume:
        """Fetch a series unless it is here, and read it as an array with its place in space; see `read_volume`.

        Raises
        ------
        Broken
            It could not be fetched; the message says why.
        Irregular, NoVolume
        """
        done = self.download([series_uid], folder)[0]
        if done.outcome == "failed":
            raise Broken(done.reason, code=done.code or "client.failed")
        return read_volume([Path(folder) / path for path in done.paths], may_be_irregular=may_be_irregular)

    def fetch_index(self, folder: str | Path) -> list[Table]:
        """Fetch the newest published index into a folder; see `index.fetch_index` and `index.query_index`."""
        return fetch_index(self, folder)

    def submission_into(self, collection: str, title: str = "From the site") -> int:
        """Return your newest open submission into a collection, a new one if there is none.

        Raises
        ------
        Unreachable, NotFound, Refused, Invalid
        """
        for one in self.get("/api/submissions"):
            if one["collection"] == collection and one["state"] == "open":
                return int(one["id"])
        made = self.post("/api/desk/submissions", {"collection": collection, "title": title})
        return int(made["id"])

    def upload(self, path: str | Path, submission: int | None = None) -> dict[str, Any]:
        """Send a file resumably; return the archive's receipt."""
        return send_file(self.http, Path(path), submission)


def _asked(query: Iterable[tuple[str, str]] | str, criteria: Mapping[str, str]) -> list[tuple[str, str]]:
    told = pairs_of([query]) if isinstance(query, str) else list(query)
    return [*told, *((name.replace("_", "-"), value) for name, value in criteria.items())]
