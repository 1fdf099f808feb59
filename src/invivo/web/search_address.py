"""The address of a search: what it asks, and how the answer is to be shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

from starlette.requests import Request

from invivo import search
from invivo.errors import Invalid
from invivo.web.search_columns import checked_columns

SIZES = {"s": "Small", "m": "Medium", "l": "Large"}
VIEWS = {"rows": "Pictures", "table": "Table"}
FORM_NAMES = ("level", "after", "token", "order", "view", "show", "pictures")

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address of the search asks.

    Attributes
    ----------
    pairs : tuple of (field name, value)
        The query itself; ``q`` is text.
    token : str
        Of the page before; `after` is its older form, a number.
    order : str
        Name of a column, ``-`` before it for descending; empty: the order of arrival.
    view : {"rows", "table"}
    show : tuple of str
        Names of the table's columns; empty: the usual ones.
    pictures : {"s", "m", "l"}
    """

    pairs: tuple[tuple[str, str], ...]
    query: search.Query
    level: str
    after: int
    token: str
    order: str
    view: str
    show: tuple[str, ...]
    pictures: str

    def address(self, pairs: Sequence[tuple[str, str]] | None = None, **changed: str) -> str:
        """Write the address of the same question, or of one with other pairs; paging starts anew unless it is named."""
        written = urlencode([*(self.pairs if pairs is None else pairs), *self._shown(changed)])
        return f"/search?{written}" if written else "/search"

    def adding(self, name: str) -> Callable[[str], str]:
        """Return what writes the address of this question and one more value of a field, for very many values."""
        here, shown = (urlencode(pairs) for pairs in (self.pairs, self._shown({})))
        before = f"/search?{here}&{quote_plus(name)}=" if here else f"/search?{quote_plus(name)}="
        after = f"&{shown}" if shown else ""
        return lambda value: f"{before}{quote_plus(value)}{after}"

    def _shown(self, changed: Mapping[str, str]) -> Pairs:
        rest = {"level": self.level, "view": self.view, "order": self.order, "show": ",".join(self.show)}
        rest = {**rest, "pictures": self.pictures, **changed}
        if "level" in changed:  # what another level cannot show or be sorted by is left out
            known = search.orders(changed["level"])
            rest["order"] = rest["order"] if rest["order"].removeprefix("-") in known else ""
            rest["show"] = changed.get("show", "")
        return [(name, value) for name, value in rest.items() if value and (name, value) not in _DEFAULTS]

    @property
    def form(self) -> str:
        """How the answer is shown, as the rest of an address."""
        return urlencode(self._shown({}))

    @property
    def encoded(self) -> str:
        return urlencode(self.pairs)


_DEFAULTS = {("level", "series"), ("pictures", "s"), ("view", "rows")}


def split_text(text: str) -> Pairs:
    """Write what a search box says as pairs that the boxes show; as the text that it is where they cannot."""
    try:
        return search.pairs_of_query(search.read(text)) or [("q", text)]
    except search.BadQuery as fault:
        raise search.BadQuery(fault.message, fault.start, fault.end, code=fault.kind, text=text) from None


def text_of(pairs: Sequence[tuple[str, str]]) -> str:
    """Write a query as the text of a search box; the reverse of `split_text`."""
    return search.write(search.parse_pairs(pairs))


def _ranges(raw: Sequence[tuple[str, str]]) -> Pairs:
    """Join the two ends of a range that the form sends as ``kvp.from`` and ``kvp.to``, and leave out empty fields.

    Raises
    ------
    UnknownField
        Also for a field that is empty.
    """
    ends: dict[str, dict[str, str]] = {}
    pairs: Pairs = []
    for name, value in raw:
        field, dot, end = name.rpartition(".")
        if name != "q":
            search.field_named(field if dot and end in ("from", "to") else name)
        if dot and end in ("from", "to"):
            ends.setdefault(field, {})[end] = value.strip()
        elif value.strip():
            pairs.append((name, value.strip()))
    for field, both in ends.items():
        low, high = both.get("from", ""), both.get("to", "")
        if low or high:
            pairs.append((field, low if low == high else f"{low}..{high}"))
    return pairs


def read_address(request: Request, extra: Sequence[str] = FORM_NAMES) -> Asked | str:
    """Read an address of the search, or return the address it should have been.

    Terms in the text, DICOM keywords, ends of ranges and empty fields of the form are rewritten, so that what is asked
    stands in the address in one way only.

    Raises
    ------
    Invalid
        A parameter is unknown or a value malformed; the message names it.
    """
    raw = [(name, value) for name, value in request.query_params.multi_items() if name not in extra]
    pairs: Pairs = []
    for name, value in _ranges(raw):
        if name == "q":
            pairs += split_text(value) if value.strip() else []
        else:
            pairs.append((search.field_named(name).name, value))
    pairs = list(dict.fromkeys(pairs))
    asked = Asked(tuple(pairs), search.parse_pairs(pairs), *_form_of(request))
    if pairs != raw:
        return asked.address(after=str(asked.after) if asked.after else "", token=asked.token)
    return asked


def _form_of(request: Request) -> tuple[str, int, str, str, str, tuple[str, ...], str]:
    asked = request.query_params
    level, after, pictures = asked.get("level", "series"), asked.get("after", "0"), asked.get("pictures", "s")
    view, order = asked.get("view", "rows"), asked.get("order", "")
    for name, value, known in (("level", level, search.LEVELS), ("pictures", pictures, SIZES), ("view", view, VIEWS)):
        if value not in known:
            raise Invalid(f"{name} is one of {', '.join(known)}.", code="search.form")
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Invalid("after is the number that the page before gave.", code="search.after")
    show = tuple(dict.fromkeys(one for one in ",".join(asked.getlist("show")).split(",") if one))
    return level, int(after), asked.get("token", ""), order, view, checked_columns(level, show), pictures
