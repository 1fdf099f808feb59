"""What an archive answers: its JSON, or the error of ours that its status stands for."""

from typing import Any

import httpx

from invivo.errors import Broken, Busy, Conflict, Invalid, InvivoError, NotFound, Refused, TooLarge

_FAMILIES: dict[int, type[InvivoError]] = {
    401: Refused,
    403: Refused,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    413: TooLarge,
    429: Busy,
    503: Busy,
}


class Unreachable(Busy):
    """The archive does not answer."""

    code = "client.unreachable"


def ask(http: httpx.Client, method: str, path: str, **request: Any) -> Any:
    """Send a request and return the JSON of the answer.

    Parameters
    ----------
    request
        As `httpx.Client.request` takes it: ``params``, ``json``.

    Raises
    ------
    Unreachable
    InvivoError
        Of the family that the status stands for, with the archive's own message.
    """
    try:
        answer = http.request(method, path, **request)
    except httpx.TransportError as error:
        raise unreachable(http, error) from None
    if answer.status_code >= 400:
        raise refusal(answer)
    try:
        return answer.json()
    except ValueError:
        raise Broken(f"{http.base_url} answered something that is no archive's.", code="client.no-archive") from None


def unreachable(http: httpx.Client, error: httpx.TransportError) -> Unreachable:
    """Return the error of an archive that does not answer."""
    return Unreachable(f"{http.base_url} does not answer ({type(error).__name__}).")


def refusal(answer: httpx.Response) -> InvivoError:
    """Return the error that an answer stands for."""
    usual = Broken if answer.status_code >= 500 else Invalid
    return _FAMILIES.get(answer.status_code, usual)(reason_of(answer))


def reason_of(answer: httpx.Response) -> str:
    """Return why the archive refuses, in its own words where it gives any."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    told = (body.get("detail") or body.get("title")) if isinstance(body, dict) else None
    return str(told) if told else f"The archive answered {answer.status_code}."
