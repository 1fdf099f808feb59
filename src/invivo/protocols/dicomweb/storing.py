"""STOW-RS: storing instances.

References
----------
DICOM PS3.18 10.5; 10.5.3.2 (store instances response).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response

from invivo import dicom, errors, storage, submissions
from invivo.archive import Archive
from invivo.protocols.dicomweb.assembling import JSON, Assembly, Made
from invivo.protocols.dicomweb.multipart import BadMultipart, Multipart
from invivo.protocols.dicomweb.native_model import XML, xml_of
from invivo.protocols.dicomweb.reading import place_of
from invivo.protocols.dicomweb.writing import COERCED, Json, failed_json, response_json, stored_json
from invivo.protocols.negotiation import MediaRange, NotAcceptable, UnsupportedMediaType, chosen_model, content_type_of
from invivo.protocols.wire import (
    BadParameter,
    Disconnected,
    actor_of,
    archive_of,
    problem_response,
    whole_number,
    with_body,
)

DICOM = "application/dicom"
BATCH = 20
SMALL = 1 << 20
_log = structlog.get_logger()


class TooManyParts(errors.TooLarge):
    """The request has more parts than one request may have."""

    code = "stow.too-many-parts"


@dataclass
class _Delivery:
    """One request: what has been spooled and waits for its batch, and what became of everything before."""

    archive: Archive
    origin: submissions.Origin
    study: str
    waiting: list[storage.Spooled] = field(default_factory=list)
    stored: list[Json] = field(default_factory=list)
    failed: list[Json] = field(default_factory=list)
    warned: bool = False

    def take_made(self, made: Made) -> None:
        """Spool an object that was put together here."""
        if made.code:
            self.failed.append(failed_json(made.class_uid, made.uid, made.code))
        else:
            self.take(DICOM, iter([made.content]))

    def take(self, media_type: str, chunks: Iterator[bytes]) -> None:
        """Spool one object; what cannot be taken becomes an item of the answer and stops nothing."""
        if media_type not in ("", DICOM):
            self.failed.append(failed_json("", "", "stow.media-type"))
            return
        try:
            spooled = self._spooled(chunks)
        except storage.TooManyBytes as error:
            self.failed.append(failed_json("", "", error.kind))
            return
        self.waiting.append(spooled)
        if self.study and not self._is_of_study(spooled):
            return
        if len(self.waiting) >= BATCH:
            self.settle()

    def _spooled(self, chunks: Iterator[bytes]) -> storage.Spooled:
        """Keep a small object in memory until its batch is written at once, and spool a larger one to disk."""
        limit = self.archive.settings.limits.object_bytes
        begun: list[bytes] = []
        size = 0
        for chunk in chunks:
            begun.append(chunk)
            size += len(chunk)
            if size > SMALL:
                return submissions.spool(self.archive, chain(begun, chunks))
        return self.archive.held.spool_bytes(b"".join(begun), limit)

    def _is_of_study(self, spooled: storage.Spooled) -> bool:
        """Refuse an object of another study than the address names (PS3.18 10.5.1.2); damage is told by the receipt."""
        try:
            header = dicom.read_header(spooled.source)
        except (errors.Invalid, errors.TooLarge):
            return True
        if header.study_uid == self.study:
            return True
        self.waiting.remove(spooled)
        self.archive.held.drop(spooled)
        self.failed.append(failed_json(header.sop_class_uid, header.sop_instance_uid, "stow.other-study"))
        return False

    def settle(self) -> None:
        """Hand over what waits: after this it is durable."""
        batch, self.waiting = self.waiting, []
        if not batch:
            return
        for receipt in submissions.receive_spooled(self.archive, self.origin, [("", one) for one in batch]):
            if not receipt.is_durable:
                self.failed.append(failed_json(receipt.sop_class_uid, receipt.sop_uid, receipt.code))
                continue
            in_conflict = receipt.outcome == "conflict"
            self.warned = self.warned or in_conflict
            self.stored.append(stored_json(receipt.sop_class_uid, receipt.sop_uid, COERCED if in_conflict else None))

    def abandon(self) -> None:
        """Throw away what waits: the answer cannot be given for it."""
        for one in self.waiting:
            self.archive.held.drop(one)
        self.waiting = []

    @property
    def status(self) -> int:
        if not self.stored:
            return 409
        return 202 if self.failed or self.warned else 200


async def store(request: Request) -> Response:
    """Take in the instances of a request, and say of each what became of it."""
    content_type = content_type_of(request)
    _check_type(request, content_type)
    model = _model(request)
    archive = archive_of(request)
    address = request.client.host if request.client else ""
    origin = submissions.Origin("stow", actor_of(request), _submission_of(request), address=address)
    delivery = _Delivery(archive, origin, place_of(request).study)

    def take_all(body: Iterator[bytes]) -> Response:
        return _take_all(delivery, content_type, model, body)

    return await with_body(request, take_all)


def _check_type(request: Request, content_type: MediaRange) -> None:
    is_multipart = content_type.type == "multipart/related"
    if (content_type.inner not in (DICOM, JSON, XML, "*/*")) if is_multipart else content_type.type != DICOM:
        raise UnsupportedMediaType(
            f'Send multipart/related with type="{DICOM}", "{JSON}" or "{XML}", or one object as {DICOM}.'
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Bodies with a Content-Encoding are not taken.")


def _submission_of(request: Request) -> int | None:
    """Return the submission named by the address or by the header ``Invivo-Submission``."""
    text = request.path_params.get("submission") or request.headers.get("invivo-submission", "")
    if not text:
        return None
    number = whole_number(str(text), "The submission")
    if not number:
        raise BadParameter("The submission is a number from 1.")
    return number


def _take_all(delivery: _Delivery, content_type: MediaRange, model: str, body: Iterator[bytes]) -> Response:
    _check_sender(delivery)
    try:
        if content_type.type == DICOM:
            delivery.take(DICOM, body)
        else:
            _take_parts(delivery, Multipart(body, content_type.parameters.get("boundary", "")), content_type.inner)
        delivery.settle()
    except (BadMultipart, Disconnected) as error:
        delivery.settle()  # what came whole is kept; sending it again is harmless
        _log.info("stow.broken-off", code=error.kind, stored=len(delivery.stored))
        detail = f"{error.message} {len(delivery.stored)} instances that came whole are stored; send the others again."
        return problem_response(400, detail, error.kind, stored=len(delivery.stored), failed=len(delivery.failed))
    finally:
        delivery.abandon()
    if not delivery.stored and not delivery.failed:
        return problem_response(400, "The request holds no instance.", "stow.empty")
    answer = response_json(delivery.stored, delivery.failed)
    content, media_type = (xml_of(answer), XML) if model == "application/xml" else (orjson.dumps(answer), JSON)
    return Response(content, delivery.status, media_type=media_type, headers={"Cache-Control": "no-store"})


def _check_sender(delivery: _Delivery) -> None:
    """Refuse before the body is read: nobody fills the disk who may not deliver."""
    with delivery.archive.database.transaction() as tx:
        submissions.submission_for(tx, delivery.origin)


def _model(request: Request) -> str:
    """Choose the form of the answer; a body that is stored is answered in JSON where no form that we have is accepted."""
    try:
        model = chosen_model(request, is_one=True)
    except NotAcceptable:
        return JSON
    return "application/xml" if model == XML else model


def _take_parts(delivery: _Delivery, parts: Multipart, inner: str) -> None:
    most = delivery.archive.settings.limits.archive_entries
    assembly = Assembly()
    for number, part in enumerate(parts):
        if number >= most:
            raise TooManyParts(f"A request has at most {most} parts; send the others in another one.")
        if inner in (JSON, XML):
            assembly.take(part, is_metadata_json=inner == JSON)
            continue
        media_type = part.headers.get("content-type", "").partition(";")[0].strip().lower()
        delivery.take(media_type, part.chunks)
    for made in assembly.objects():
        delivery.take_made(made)
