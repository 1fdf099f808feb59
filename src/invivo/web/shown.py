"""What the page of a series shows at its head: pictures in the light viewer, a film, a document, or nothing."""

import re
from typing import Any, Literal

from invivo import images
from invivo.web.ohif import PDF, SLIDE

Kind = Literal["pictures", "film", "document", "nothing"]
# MPEG-4 and HEVC, which browsers play, and MPEG-2, which they do not.
_VIDEO = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?")


def kind_of(series: images.Series, header: dict[str, Any]) -> Kind:
    """Return what can be shown of a series, one of whose headers is given."""
    if any(_VIDEO.fullmatch(uid) for uid in series.transfer_syntaxes):
        return "film"
    if PDF in series.sop_classes:
        return "document" if _is_filled(header.get("00420011", {})) else "nothing"
    return "pictures" if series.cover_uid else "nothing"


def _is_filled(document: dict[str, Any]) -> bool:
    """Tell whether a document is there: de-identification leaves one or two bytes of it."""
    return "BulkDataURI" in document or len(document.get("InlineBinary", "")) > 4


def whole_address(series: images.Series, instance_uid: str) -> str:
    """Return where a film or a document is given as it is."""
    return f"/dicom-web/studies/{series.study_uid}/series/{series.uid}/instances/{instance_uid}/rendered"


def in_order(series: images.Series, pictures: list[images.Instance]) -> list[images.Instance]:
    """Order the images of a series for the light viewer: of a slide, the level with the fewest tiles first."""
    return sorted(pictures, key=lambda one: one.frames) if SLIDE in series.sop_classes else pictures
