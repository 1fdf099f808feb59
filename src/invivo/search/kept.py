"""Answers that were given from one state of the columns, so that the same question costs nothing until something changes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Answer = TypeVar("Answer")
MOST_BYTES = 64 << 20


@dataclass(slots=True)
class Kept:
    """Answers by question; those that were not asked for longest are forgotten first, by their bytes."""

    most_bytes: int = MOST_BYTES
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _answers: OrderedDict[Hashable, tuple[Any, int]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def answer(self, question: Hashable, give: Callable[[], Answer], size_of: Callable[[Answer], int]) -> Answer:
        """Return the answer that is kept, or give and keep one; two who ask at once may both give it."""
        with self._lock:
            if question in self._answers:
                self._answers.move_to_end(question)
                found: Answer = self._answers[question][0]
                return found
        made = give()
        size = size_of(made)
        with self._lock:
            if question not in self._answers:
                self._answers[question] = (made, size)
                self._bytes += size
            while self._bytes > self.most_bytes and len(self._answers) > 1:
                self._bytes -= self._answers.popitem(last=False)[1][1]
        return made

    def forget(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._answers.clear()
            self._bytes = 0
