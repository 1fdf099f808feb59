"""Pages of the survey: systems beside each other, one system, and the same as CSV and JSON."""

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import errors, survey
from invivo.web.render import page

PARAMETERS = {"kind", "system", "row", "differences"}
LONGEST_SELECTION = 100
NOUNS = {"archives": ("archive", "archives"), "software": ("product", "products")}


class UnknownParameter(errors.Invalid):
    """The address asks something that these pages do not know."""

    code = "survey.unknown-parameter"


@dataclass(frozen=True, slots=True)
class Choice:
    """What an address of the comparison asks for."""

    comparison: survey.Comparison
    chosen_systems: tuple[str, ...]
    chosen_rows: tuple[str, ...]
    only_differences: bool

    @property
    def query(self) -> str:
        """The same choice as a query string, for the links to CSV and JSON."""
        pairs: list[tuple[str, str]] = [("kind", self.comparison.kind)]
        pairs += [("system", one) for one in self.chosen_systems] + [("row", one) for one in self.chosen_rows]
        return urlencode(pairs + ([("differences", "only")] if self.only_differences else []))


def _read_choice(request: Request) -> Choice:
    """Read an address; whatever it names beyond our parameters, tables, systems and rows is refused."""
    asked = request.query_params
    if set(asked) - PARAMETERS:
        raise UnknownParameter(f"This page knows the parameters {', '.join(sorted(PARAMETERS))} and no others.")
    if asked.get("differences", "only") != "only" or len(asked.getlist("kind")) > 1:
        raise UnknownParameter("The parameter differences takes the value only; kind may stand once.")
    names, keys = tuple(asked.getlist("system")), tuple(asked.getlist("row"))
    if len(names) + len(keys) > LONGEST_SELECTION:
        raise UnknownParameter(f"An address may name {LONGEST_SELECTION} systems and rows together at most.")
    kind = survey.kind_of(asked.get("kind", survey.KINDS[0]))
    comparison = survey.compare(kind, names, keys)
    only = "differences" in asked
    if only:
        rows = tuple(row for row in comparison.rows if row.differs)
        comparison = survey.Comparison(kind, comparison.systems, rows)
    return Choice(comparison, names, keys, only)


def _problem(request: Request, error: errors.InvivoError, status: int) -> Response:
    return page(request, "survey/problem.html", status=status, message=error.message)


def compare_page(request: Request) -> Response:
    """Show systems beside each other."""
    try:
        choice = _read_choice(request)
    except (UnknownParameter, survey.UnknownEntry) as error:
        return _problem(request, error, 400)
    kind = choice.comparison.kind
    return page(
        request,
        "survey/compare.html",
        choice=choice,
        comparison=choice.comparison,
        nouns=NOUNS[kind],
        counts={one: len(survey.systems(one)) for one in survey.KINDS},
        all_systems=survey.systems(kind),
        all_rows=survey.row_labels(kind),
        source=survey.source(kind),
    )


def system_page(request: Request) -> Response:
    """Show one system with all that the survey says of it."""
    try:
        entry = survey.system(survey.kind_of(request.path_params["kind"]), request.path_params["system_id"])
    except survey.UnknownEntry as error:
        return _problem(request, error, 404)
    labels, told = survey.row_labels(entry.kind), survey.source(entry.kind)
    return page(request, "survey/system.html", entry=entry, labels=labels, nouns=NOUNS[entry.kind], source=told)


def _file(request: Request, write: str) -> Response:
    try:
        comparison = _read_choice(request).comparison
    except (UnknownParameter, survey.UnknownEntry) as error:
        return _problem(request, error, 400)
    body = survey.as_csv(comparison) if write == "csv" else survey.as_json(comparison)
    media_type = "text/csv; charset=utf-8; header=present" if write == "csv" else "application/json"
    named = (
        {"Content-Disposition": f'attachment; filename="survey-{comparison.kind}.{write}"'} if write == "csv" else {}
    )
    return Response(body, media_type=media_type, headers=named)


def csv_file(request: Request) -> Response:
    """Give the comparison as CSV."""
    return _file(request, "csv")


def json_file(request: Request) -> Response:
    """Give the comparison as JSON."""
    return _file(request, "json")


routes: list[Route] = [
    Route("/survey", compare_page),
    Route("/survey.csv", csv_file),
    Route("/survey.json", json_file),
    Route("/survey/{kind}/{system_id}", system_page),
]
