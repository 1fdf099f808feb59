"""Running numbers and mapped UIDs that a foreign script gives out, kept in the ledger as soon as they are given."""

import secrets

from invivo.errors import Broken
from invivo.site.ledger import Ledger


class Numbers:
    """What ``@integer`` and ``mapUID`` ask for. One process at a time gives out numbers."""

    def __init__(self) -> None:
        self._ledger: Ledger | None = None

    def attach(self, ledger: Ledger) -> None:
        """Keep the numbers in this ledger from now on."""
        self._ledger = ledger

    def number(self, keytype: str, text: str) -> int:
        """The running number of a text, from 1, among those of its keytype."""
        return int(self._kept().given(f"number {keytype}", text, lambda count: str(count + 1)))

    def uid(self, prefix: str, text: str) -> str:
        """The random UID under a prefix that stands for a text."""
        stem = prefix.rstrip(".") + "."
        return self._kept().given(
            f"uid {prefix}", text, lambda _: stem + str(secrets.randbelow(9 * 10 ** min(29, 63 - len(stem))) + 1)
        )

    def _kept(self) -> Ledger:
        if self._ledger is None:
            raise Broken("Numbers are given out before there is a ledger.", code="site.no-ledger")
        return self._ledger
