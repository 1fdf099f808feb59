"""An archive, as a program outside it sees it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from invivo import __version__
from invivo.client.answer import ask
from invivo.client.download import Fetched, fetch_series
from invivo.client.upload import send_file


class Archive:
    """A connection to an archive.

    Parameters
    ----------
    url : str
        Address of the archive, such as ``https://archive.example.org``.
    token : str, optional
        API token; without it one sees what everybody sees.
    """

    def __init__(self, url: str, token: str = "", *, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"User-Agent": f"invivo/{__version__}", **({"Authorization": f"Bearer {token}"} if token else {})}
        self.http = httpx.Client(
            base_url=url.rstrip("/"), headers=headers, timeout=httpx.Timeout(60, connect=10), transport=transport
        )

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

    def search(self, pairs: Iterable[tuple[str, str]] = (), **criteria: str) -> list[str]:
        """Return the UIDs of the series that meet all criteria, as on the search page: ``modality="CT"``."""
        asked = [*pairs, *((name.replace("_", "-"), value) for name, value in criteria.items())]
        return [str(row["series_uid"]) for row in self.rows(asked)]

    def rows(self, pairs: Sequence[tuple[str, str]], level: str = "series") -> Iterator[dict[str, Any]]:
        """Yield the rows of a search, page by page."""
        after: list[tuple[str, str]] = []
        while True:
            page = self.get("/api/search", [*pairs, ("level", level), ("limit", "500"), *after])
            yield from page["rows"]
            if page["after"] is None:
                return
            after = [("after", str(page["after"]))]

    def download(self, series_uids: Iterable[str], folder: str | Path) -> list[Fetched]:
        """Fetch series into a folder, resuming and verifying; see `fetch_series`."""
        return [fetch_series(self.http, uid, Path(folder)) for uid in series_uids]

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
