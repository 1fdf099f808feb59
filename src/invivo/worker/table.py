"""The table of job names and verbs: here an earlier room's job becomes a later room's verb."""

import time
from collections.abc import Callable
from contextlib import suppress

from invivo import accounts, collections, images, notices, releases, reviews, search, submissions
from invivo.archive import Archive

GATHERED_S = 0.25


def _publish(archive: Archive, key: str) -> None:
    try:
        releases.publish(archive, accounts.rule("on-receipt"), int(key), "Released on receipt.")
    except (releases.NothingToPublish, releases.UnderEmbargo):
        return  # an earlier job took it along, or it waits for its day


def _derive(archive: Archive, key: str) -> None:
    with suppress(images.UnknownSeries):  # withdrawn meanwhile
        images.write_metadata(archive, int(key.partition("/")[0]))
        search.describe_series(archive, int(key.partition("/")[0]))


def _enter(archive: Archive, key: str) -> None:
    """Enter what has arrived; what comes close behind is entered by the same job, many at a time."""
    while releases.grow(archive, int(key)):
        time.sleep(GATHERED_S)


def _sync_group(archive: Archive, key: str) -> None:
    with suppress(collections.UnknownGroup):  # removed meanwhile
        collections.sync_group(archive, int(key))


def _retell(archive: Archive, collection_id: int) -> None:
    images.retell(archive, collection_id)


def _index(archive: Archive) -> None:
    releases.write_index(archive)


VERBS: dict[str, Callable[[Archive, str], None]] = {
    "advance": lambda archive, key: submissions.advance(archive, int(key)),
    "mask": lambda archive, key: submissions.apply_masks(archive, int(key)),
    "recheck": lambda archive, key: submissions.recheck(archive, int(key)),
    "rerun": lambda archive, key: submissions.rerun(archive, int(key)),
    "unpack": submissions.unpack,
    "values": lambda archive, key: submissions.gather_values(archive, int(key)),
    "settle": lambda archive, key: reviews.settle(archive, int(key)),
    "publish": _publish,
    "release": releases.run_scheduled,
    "open": releases.open_by_link,
    "tell-hook": releases.tell_hook,
    "enter": _enter,
    "derive": _derive,
    "mint": releases.mint,
    "index": lambda archive, _key: _index(archive),
    "sync-group": _sync_group,
    "retell": lambda archive, key: _retell(archive, int(key)),
    "mail": lambda archive, key: notices.deliver(archive, int(key)),
}
