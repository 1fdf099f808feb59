"""A collection in which the researcher's question has one answer, published into the demo while it is served."""

import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from invivo.archive import opened
from invivo.settings import read_settings
from tests.factories import make_collection, publish
from tests.search.objects import segmentation, stack

COLLECTION = "WALK-LUNG"
TEXT = "chest modality:CT contrast:none slice-thickness<1.5mm sex:F age>60 segmented:lung commercial:yes"
READY_S = 60.0


@dataclass(frozen=True)
class Answer:
    """What the question finds."""

    series_uid: str
    subject: str


def publish_answer(home: Path, url: str) -> Answer:
    """Publish a woman of 64 with thin slices, one of 41, and one of 70 with thick slices, each with a lung; and wait for the worker."""
    old = stack(
        [0, 1, 2, 3], size=64, patient="W-1", PatientAge="064Y", SliceThickness=1, SeriesDescription="Thin lung"
    )
    young = stack([0, 1, 2], patient="W-2", PatientAge="041Y", SliceThickness=1, SeriesDescription="Thin lung")
    thick = stack([0, 5, 10], patient="W-3", PatientAge="070Y", SeriesDescription="Thick lung")
    files = [content for one in (old, young, thick) for content in (*one, segmentation(one))]
    with opened(read_settings(home, limits={"free_bytes": 0})) as archive:
        publish(archive, make_collection(archive, COLLECTION, licence="CC-BY-4.0"), files)
    return _await(url)


def _await(url: str) -> Answer:
    began = time.monotonic()
    while True:
        found = httpx.get(f"{url}/search.json", params={"q": TEXT}).raise_for_status().json()
        if found:
            return Answer(found[0]["series_uid"], found[0]["subject"])
        assert time.monotonic() - began < READY_S, "the archive never described the new series"
        time.sleep(0.3)
