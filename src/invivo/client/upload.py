"""Sending files by tus 1.0, resumable."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import httpx

from invivo.client.answer import reason_of, unreachable
from invivo.errors import Refused

CHUNK = 8 << 20
TRIES = 6


class UploadRefused(Refused):
    """The archive does not take the file."""

    code = "client.upload-refused"


def send_file(http: httpx.Client, path: Path, submission: int | None = None) -> dict[str, Any]:
    """Send one file; a broken connection is taken up again where it stopped.

    Returns
    -------
    dict
        The receipt: ``outcome`` and, where there is one, ``reason``.

    Raises
    ------
    Unreachable, UploadRefused
    """
    size = path.stat().st_size
    metadata = {"filename": path.name, **({"submission": str(submission)} if submission is not None else {})}
    written = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())
    headers = {"Tus-Resumable": "1.0.0"}
    try:
        made = http.post("/uploads", headers={**headers, "Upload-Length": str(size), "Upload-Metadata": written})
    except httpx.TransportError as error:
        raise unreachable(http, error) from None
    if made.status_code != 201:
        raise UploadRefused(reason_of(made))
    location, offset, tries = made.headers["location"], 0, 0
    with path.open("rb") as stream:
        while True:
            stream.seek(offset)
            try:
                answer = http.patch(
                    location,
                    content=stream.read(CHUNK),
                    headers={
                        **headers,
                        "Upload-Offset": str(offset),
                        "Content-Type": "application/offset+octet-stream",
                    },
                )
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 204:
                offset = int(answer.headers["upload-offset"])
                if offset >= size:
                    return dict(json.loads(answer.headers.get("invivo-receipt", "{}")))
                continue
            if answer is not None and answer.status_code < 500 and answer.status_code not in (409, 423, 429):
                raise UploadRefused(reason_of(answer))
            tries += 1
            if tries > TRIES:
                raise UploadRefused("The connection broke too often; run the same command again.")
            time.sleep(0.3 * 2**tries)
            offset = _taken(http, location, headers, offset)


def _taken(http: httpx.Client, location: str, headers: dict[str, str], offset: int) -> int:
    """How much of a file the archive has; as much as before where it does not say so just now."""
    try:
        return int(http.head(location, headers=headers).headers.get("upload-offset", offset))
    except httpx.TransportError:
        return offset
