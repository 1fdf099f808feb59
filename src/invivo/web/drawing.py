"""A chart as a file of its own: a table as CSV, a drawing as SVG that needs no style sheet."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from invivo.web.render import count_text, size_text

_WIDTH, _SIDE, _TOP = 720, 20, 58
_ROW, _LABEL, _NUMBER = 26, 210, 90  # heights and widths of bars that lie
_PLOT = 260  # height of bars that stand
_MOST_LABELS = 12
_INK, _SOFT, _LINE, _GROUND, _FILL = "#17202b", "#4c5866", "#dde2e8", "#eef1f4", "#0b5f69"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LONGEST_LABEL = 30


@dataclass(frozen=True, slots=True)
class Bar:
    """A value of a chart.

    Attributes
    ----------
    url : str or None
        The list that the value counts.
    short : str
        The label under a standing bar, where there is little room.
    more : tuple of int
        Further columns of the table.
    """

    label: str
    value: int
    url: str | None = None
    short: str = ""
    more: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn, and its table.

    Attributes
    ----------
    address : str
        Where its CSV and its SVG are, without the ending.
    head : tuple of str
        Names of the table's columns.
    is_standing : bool
        Bars stand in an order, of time or size; others lie, the longest first.
    form : {"count", "bytes"}
    beside : tuple of Bar
        What is told and not drawn.
    note : str
        What one must know to read it.
    """

    address: str
    title: str
    head: tuple[str, ...]
    bars: tuple[Bar, ...]
    is_standing: bool = False
    form: str = "count"
    beside: tuple[Bar, ...] = ()
    note: str = ""

    @property
    def items(self) -> list[tuple[str, int, str | None, str]]:
        """The bars as the macros of pages take them."""
        return _items(self.bars)

    @property
    def beside_items(self) -> list[tuple[str, int, str | None, str]]:
        """The same for what is not drawn."""
        return _items(self.beside)


def _items(bars: tuple[Bar, ...]) -> list[tuple[str, int, str | None, str]]:
    return [(one.label, one.value, one.url, one.short or one.label) for one in bars]


def csv_of(chart: Chart) -> str:
    """Write the table of a chart; sizes in bytes."""
    text = io.StringIO()
    written = csv.writer(text)
    written.writerow(chart.head)
    for one in (*chart.bars, *chart.beside):
        label = f"'{one.label}" if one.label.startswith(_FORMULA) else one.label
        written.writerow([label, *one.more, one.value])
    return text.getvalue()


def svg_of(chart: Chart, source: str) -> str:
    """Draw a chart, light on white whatever the page looks like.

    Parameters
    ----------
    source : str
        Where it is from: stands below it.
    """
    most = max((one.value for one in chart.bars), default=0)
    drawn = list(_standing(chart, most) if chart.is_standing else _lying(chart, most))
    notes = [chart.note] * bool(chart.note) + [f"{one.label}: {_number(chart, one)}" for one in chart.beside] + [source]
    below = _TOP + (_PLOT + 30 if chart.is_standing else _ROW * max(1, len(chart.bars)))
    height = below + 18 * len(notes) + 14
    told = [_text(_SIDE, below + 18 * (place + 1), note, _SOFT, 12) for place, note in enumerate(notes)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
            f' role="img" aria-labelledby="title" font-family="{_FONT}">',
            f'<title id="title">{_escaped(chart.title)}</title>',
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            _text(_SIDE, 34, chart.title, _INK, 18, more=' font-weight="600"'),
            *drawn,
            *told,
            "</svg>\n",
        ]
    )


def _lying(chart: Chart, most: int) -> Iterator[str]:
    room = _WIDTH - 2 * _SIDE - _LABEL - _NUMBER
    for place, one in enumerate(chart.bars):
        y = _TOP + _ROW * place
        label = one.label if len(one.label) <= LONGEST_LABEL else f"{one.label[: LONGEST_LABEL - 1]}…"
        yield _text(_SIDE, y + 15, label, _INK, 13)
        yield f'<rect x="{_SIDE + _LABEL}" y="{y + 4}" width="{room}" height="14" rx="2" fill="{_GROUND}"/>'
        width = round(room * one.value / most, 2) if most else 0
        yield f'<rect x="{_SIDE + _LABEL}" y="{y + 4}" width="{width}" height="14" rx="2" fill="{_FILL}"/>'
        yield _text(_WIDTH - _SIDE, y + 15, _number(chart, one), _SOFT, 13, more=' text-anchor="end"')


def _standing(chart: Chart, most: int) -> Iterator[str]:
    width = _WIDTH - 2 * _SIDE
    for share, value in ((0.0, most), (0.5, None)):
        y = _TOP + 14 + (_PLOT - 14) * share
        yield f'<line x1="{_SIDE}" x2="{_WIDTH - _SIDE}" y1="{y}" y2="{y}" stroke="{_LINE}"/>'
        if value is not None:
            words = size_text(value) if chart.form == "bytes" else count_text(value)
            yield _text(_WIDTH - _SIDE, y - 4, words, _SOFT, 12, more=' text-anchor="end"')
    each, count = width / max(1, len(chart.bars)), len(chart.bars)
    step = -(-count // _MOST_LABELS)
    for place, one in enumerate(chart.bars):
        height = (_PLOT - 14) * one.value / most if most else 0
        x = _SIDE + each * place
        yield (
            f'<rect x="{x + each * 0.08:.2f}" y="{_TOP + _PLOT - height:.2f}" width="{each * 0.84:.2f}" height="{height:.2f}"'
            f' fill="{_FILL}"><title>{_escaped(one.label)}: {_number(chart, one)}</title></rect>'
        )
        if place % step == 0:
            yield _text(
                x + each / 2, _TOP + _PLOT + 18, one.short or one.label, _SOFT, 12, more=' text-anchor="middle"'
            )
    y = _TOP + _PLOT
    yield f'<line x1="{_SIDE}" x2="{_WIDTH - _SIDE}" y1="{y}" y2="{y}" stroke="{_SOFT}"/>'


def _number(chart: Chart, one: Bar) -> str:
    return size_text(one.value) if chart.form == "bytes" else count_text(one.value)


def _text(x: float, y: float, words: str, colour: str, size: int, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}" font-size="{size}"{more}>{_escaped(words)}</text>'


def _escaped(words: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", words))
