"""How much of a series is read, where its class gives no reason to read all."""

from dataclasses import dataclass

from invivo.deidentification.burned_in.screen import Screened

_STRONGER = 1.2
_EVERY = 64


@dataclass(slots=True)
class Attention:
    """What the pictures of a series have shown so far, and so which others are looked at more closely.

    Every picture is screened. Texture looks like text to a screen, but alike in all pictures of a series, while drawn
    text stands out of it. So a picture is looked at where it screens clearly stronger than all those that were looked at
    in vain, and one of 64 of the others. Once there was text, all that screen are looked at. Objects are met in one order,
    so a series is always treated the same.
    """

    lines: int = 0
    strokes: int = 0
    has_text: bool = False
    passed: int = 0

    def wants(self, seen: Screened) -> bool:
        """Whether a picture that screened so is looked at."""
        if not seen:
            return False
        if self.has_text or seen.lines > _STRONGER * self.lines or seen.strokes > _STRONGER * self.strokes:
            return True
        self.passed += 1
        return self.passed % _EVERY == 0

    def note_nothing(self, seen: Screened) -> None:
        """There was no text in a picture that was looked at."""
        self.lines, self.strokes = max(self.lines, seen.lines), max(self.strokes, seen.strokes)
