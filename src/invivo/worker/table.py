"""The table of job names and verbs: here an earlier room's job becomes a later room's verb."""

from collections.abc import Callable

from invivo import accounts, images, releases, submissions
from invivo.archive import Archive


def _publish(archive: Archive, key: str) -> None:
    try:
        releases.publish(archive, accounts.rule("on-receipt"), int(key), "Released on receipt.")
    except releases.NothingToPublish:
        return  # an earlier job took it along


def _derive(archive: Archive, key: str) -> None:
    series_key, _, revision = key.partition("/")
    images.write_metadata(archive, int(series_key), int(revision))


VERBS: dict[str, Callable[[Archive, str], None]] = {
    "advance": lambda archive, key: submissions.advance(archive, int(key)),
    "mask": lambda archive, key: submissions.apply_masks(archive, int(key)),
    "recheck": lambda archive, key: submissions.recheck(archive, int(key)),
    "rerun": lambda archive, key: submissions.rerun(archive, int(key)),
    "unpack": submissions.unpack,
    "publish": _publish,
    "derive": _derive,
}
