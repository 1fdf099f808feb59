"""Write the generated parts of the documentation anew, from the code they describe.

    python tools/generate_docs.py

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->`` in README.md or below docs/; `PARTS` holds the names.
`tests/test_docs.py` fails while a part is not what this would write.
"""

import ast
import csv
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import typer
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route

import invivo
from invivo import deidentification, errors, protocols, search, settings, web, worker
from invivo.cli import output, presets
from invivo.cli.application import application as command_line
from invivo.dicom import conformance
from invivo.protocols import dimse, wire
from invivo.protocols.dimse import status as dimse_status

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "invivo"
ADVICE = ROOT / "tools" / "advice.csv"
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.S)
SEVERITIES = ("hold", "warning", "info")
# Codes that the source writes as f-strings: what may stand at their end.
ENDINGS = {"conformance.": get_args(conformance.Kind), "series.mixed-": ("modality", "rows", "columns")}
JOBS = {
    "advance": "takes what has arrived of a series through de-identification and inspection to its review item",
    "mask": "hides the rectangles that a curator drew in the clean objects of a held series",
    "recheck": "looks in a subject's earlier objects for an identifier that came to light with a later one",
    "rerun": "tries rules on what a collection has, or runs them over it anew, a series at a time",
    "values": "counts the distinct values in the cleaned objects that are held of a collection",
    "enter": "enters what arrived in an archive of a house's own into its growing release",
    "unpack": "takes a finished ZIP upload apart and receives what is in it",
    "settle": "carries a decision about very many series over to their objects",
    "publish": "publishes what a collection's rule has cleared as its next release",
    "release": "makes a scheduled or a large release, and says how far it is",
    "open": "ends an embargo and makes the scheduled release, as somebody asked by an editor's link",
    "tell-hook": "tells a webhook what changed, and again later if it does not take it",
    "derive": "writes the metadata of a released series, compressed, as DICOMweb serves it",
    "mail": "sends a message by mail, and again later if the mail server is away",
    "index": "writes the published index anew, as Parquet files",
    "mint": "tells DataCite of an identifier, and again later if it is away",
    "retell": "rewrites the words by which the series of a renamed collection are found",
    "sync-group": "reads the people of a group from its list",
}


class Undocumented(Exception):
    """The code has something of which the documentation's sources do not speak."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table of Markdown."""
    lines = [list(head), ["---"] * len(head), *([_cell(one) for one in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ").strip()


def code(text: object) -> str:
    """Set a word in code, nothing if there is none."""
    return f"`{text}`" if str(text) else ""


def first_line(documented: object) -> str:
    """Return the first paragraph of a docstring on one line, without its final stop's markup."""
    paragraph = (getattr(documented, "__doc__", "") or "").strip().split("\n\n", 1)[0]
    return re.sub(r"``([^`]*)``", r"`\1`", " ".join(paragraph.split()))


# ---- settings and search -------------------------------------------------------------------------------------------


def settings_part() -> str:
    """Every setting by section."""
    written = []
    rows: dict[str, list[list[str]]] = {}
    for name, kind, default, sentence in settings.documented():
        rows.setdefault(name.partition(".")[0], []).append([code(name), kind, _default(name, default), sentence])
    for section, listed in rows.items():
        title = "The installation" if section == "home" else f"[{section}]"
        written.append(f"### {title}\n\n" + table(("setting", "type", "default", "what it is"), listed))
    return "\n".join(written)


def _default(name: str, default: str) -> str:
    if name.endswith("_bytes") or name.endswith("header_bytes"):
        number = int(default)
        unit = next((unit for unit in ("GB", "MB", "KB") if number % getattr(settings, unit) == 0), None)
        return f"`{default}` ({number // getattr(settings, unit)} {unit})" if unit else code(default)
    return code(default) if default not in ("", "[]") else "empty"


def search_part() -> str:
    """Every field of the search."""
    kinds = {
        "text": "text",
        "name": "text, capitals do not matter",
        "uid": "UID",
        "number": "number or range",
        "count": "number or range",
        "date": "date or range",
        "day": "number or range",
        "words": "words that follow each other",
        "referred": "words that follow each other",
        "mine": "yes or no",
        "site": "text, for curators and owners of the collection",
    }
    rows = [
        [code(one.name), one.title, ", ".join(one.choices) or kinds[one.kind], one.unit, code(one.keyword)]
        for one in search.FIELDS
    ]
    return table(("field", "what it is", "values", "unit", "DICOM keyword"), rows)


def guide_part() -> str:
    """The guide to the query language."""
    return search.GUIDE.read_text("utf-8")


def profiles_part() -> str:
    """The built-in profiles of de-identification and their options."""
    rows = []
    for one in deidentification.profiles():
        options = ", ".join(sorted(option.replace("_", " ") for option in one.options)) or "none"
        rows.append([code(one.name), one.title, options])
    return table(("profile", "what it is for", "options of PS3.15 Annex E"), rows)


def presets_part() -> str:
    """The kinds of installations that `invivo init --preset` begins, read out of what they set."""
    rows = [presets.described(one) for one in presets.presets().values()]
    return table(tuple(rows[0]), [tuple(row.values()) for row in rows])


# ---- command line --------------------------------------------------------------------------------------------------


def commands(group: Any = None, path: str = "invivo") -> Iterator[tuple[str, Any]]:
    """Yield (words, command) of every command, in the order of the help."""
    for name, command in (group or typer.main.get_command(command_line())).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def commands_part() -> str:
    """The help of every command."""
    written = []
    for words, command in commands():
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        usage = " ".join(
            [words, *(_argument(one) for one in arguments), "[OPTIONS]" * bool(len(command.params) > len(arguments))]
        )
        text = " ".join((command.help or "").split())
        rows = [_parameter(one) for one in command.params]
        listed = "\n" + table(("argument or option", "default", "what it is"), rows) if rows else ""
        written.append(f"### {words}\n\n{text}\n\n```\n{usage.strip()}\n```\n{listed}")
    return "\n".join(written)


def _argument(parameter: Any) -> str:
    name = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _parameter(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return [code(_argument(parameter)), "", parameter.help or ""]
    is_flag = getattr(parameter, "is_flag", False)
    words = " / ".join([*parameter.opts, *parameter.secondary_opts])
    value = "" if is_flag else " " + (parameter.metavar or parameter.name.upper())
    default = (
        "needed"
        if parameter.required
        else ""
        if is_flag or parameter.default in (None, "")
        else code(parameter.default)
    )
    return [code(words + value), default, parameter.help or ""]


# ---- errors --------------------------------------------------------------------------------------------------------


def modules() -> Iterator[ModuleType]:
    """Yield every module of the package."""
    for found in pkgutil.walk_packages(invivo.__path__, "invivo."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def trees() -> Iterator[tuple[ModuleType, ast.Module]]:
    """Yield every module with its syntax tree."""
    for module in modules():
        if module.__file__ and module.__file__.endswith(".py"):
            yield module, ast.parse(Path(module.__file__).read_text("utf-8"))


def family_of(kind: type[errors.InvivoError]) -> str:
    """Return the name of an error's family."""
    return next(one.__name__ for one in errors.FAMILIES if issubclass(kind, one))


def http_status(kind: type[errors.InvivoError]) -> int:
    """Return the status with which the programs' doors answer an error."""
    return next(status for known, status in {**wire.SPECIAL, **wire.STATUS}.items() if issubclass(kind, known))


def error_codes() -> dict[tuple[str, str], tuple[int, str]]:
    """Return {(code, family): (HTTP status, when)} of all classes, and of all raises with a code of their own."""
    read = list(trees())
    found: dict[tuple[str, str], tuple[int, str]] = {}
    for kind in _subclasses(errors.InvivoError):
        found.setdefault((kind.code, family_of(kind)), (http_status(kind), first_line(kind)))
    for module, tree in read:
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            written = next((one.value for one in call.keywords if one.arg == "code"), None)
            kind = _resolved(module, call.func)
            if isinstance(written, ast.Constant) and isinstance(kind, type) and issubclass(kind, errors.InvivoError):
                text = (_text(call.args[0]) if call.args else "") or first_line(kind)
                found.setdefault((str(written.value), family_of(kind)), (http_status(kind), text))
    return found


def _subclasses(kind: type[errors.InvivoError]) -> Iterator[type[errors.InvivoError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)


def _resolved(module: ModuleType, expression: ast.expr) -> object:
    if isinstance(expression, ast.Name):
        return getattr(module, expression.id, None)
    if isinstance(expression, ast.Attribute):
        return getattr(_resolved(module, expression.value), expression.attr, None)
    return None


def _text(expression: ast.expr) -> str:
    """Return a text of the source, with an ellipsis for what is filled in."""
    if isinstance(expression, ast.Constant):
        return str(expression.value)
    if isinstance(expression, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in expression.values)
    return ""


def errors_part() -> str:
    """Every error code."""
    rows = [
        [code(name), family, status, text]
        for (name, family), (status, text) in sorted(error_codes().items(), key=lambda one: one[0])
    ]
    return table(("code", "family", "HTTP", "when, or what it says"), rows)


def families_part() -> str:
    """The families of errors and what each door makes of them."""
    rows = [
        [one.__name__, first_line(one), wire.STATUS[one], f"{dimse_status.STATUS[one]:04X}H", output.EXIT[one]]
        for one in errors.FAMILIES
    ]
    return table(("family", "what it means", "HTTP", "C-STORE", "exit code"), rows)


# ---- addresses -----------------------------------------------------------------------------------------------------


def addresses(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (methods, address, what it does) of routes and of what is mounted below them."""
    for one in routes:
        if isinstance(one, Mount) and isinstance(one.app, FastAPI):
            yield from _operations(one.app, prefix + one.path)
        elif isinstance(one, Mount):
            yield from addresses(getattr(one.app, "routes", ()), prefix + one.path)
        elif isinstance(one, Route):
            methods = (one.methods or set()) - ({"HEAD"} if "GET" in (one.methods or ()) else set())
            yield " ".join(sorted(methods)), prefix + re.sub(r":(int|path)}", "}", one.path), _purpose(one)


def _operations(application: FastAPI, prefix: str) -> Iterator[tuple[str, str, str]]:
    yield "GET", f"{prefix}/openapi.json", "Describe the operations for programs (OpenAPI)."
    for path, operations in application.openapi()["paths"].items():
        for method, operation in operations.items():
            text = operation.get("description") or operation["summary"]
            yield method.upper(), prefix + path, " ".join(text.split("\n\n", 1)[0].split())


def _purpose(one: Route) -> str:
    """Return what a route does; tus wraps its functions, so their own text is looked up."""
    module = importlib.import_module("invivo.protocols.tus.routes")
    return first_line(one.endpoint) or first_line(getattr(module, one.endpoint.__name__, None))


def routes_part() -> str:
    """Every address of both web applications."""
    parts = [
        ("Pages, for everybody", web.public_routes()),
        ("DICOMweb", protocols.dicomweb.routes),
        ("Resumable uploads", protocols.tus.routes),
        ("REST, for everybody", protocols.rest.routes),
        ("REST, for submitters and curators", protocols.rest.desk_routes),
        ("Pages for submitters, curators and administrators", web.desk_routes()),
    ]
    return "\n".join(
        f"### {title}\n\n"
        + table(
            ("method", "address", "what it does"),
            [[methods, code(path), text] for methods, path, text in addresses(routes)],
        )
        for title, routes in parts
    )


# ---- findings and jobs ---------------------------------------------------------------------------------------------


def finding_codes() -> dict[str, tuple[set[str], str]]:
    """Return {code: (severities, text)} of what the checks may find, read from the source."""
    found: dict[str, tuple[set[str], str]] = {}
    for _, tree in trees():
        for node in ast.walk(tree):
            for severity, name, text in _finding(node):
                known, before = found.get(name, (set(), text))
                found[name] = (known | severity, before or text)
    return found


def _finding(node: ast.AST) -> Iterator[tuple[set[str], str, str]]:
    """Read ``Finding(severity, code, path, text)``, ``Doubt(code, path, text, severity)`` and rows that stand for them."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Finding", "Doubt"):
        if node.func.id == "Doubt":
            written, text = node.args[0], node.args[2]
            severity = node.args[3] if len(node.args) > 3 else ast.Constant("warning")
        elif len(node.args) < 4:
            return
        else:
            severity, written, _, text = node.args[:4]
    elif isinstance(node, ast.List) and len(node.elts) == 4 and _severities(node.elts[0]):
        severity, written, _, text = node.elts
    else:
        return
    severities = _severities(severity)
    if isinstance(written, ast.Constant):
        yield severities, str(written.value), _text(text)
    elif isinstance(written, ast.JoinedStr):
        begin = _text(written.values[0])
        if begin not in ENDINGS:
            raise Undocumented(f"The findings {begin}… have endings that tools/generate_docs.py does not know.")
        for ending in ENDINGS[begin]:
            yield severities, begin + ending, ""


def _severities(expression: ast.expr) -> set[str]:
    """Return the severities that an expression of the source may give; none where it is a name."""
    if isinstance(expression, ast.IfExp):
        return _severities(expression.body) | _severities(expression.orelse)
    return {_text(expression)} & set(SEVERITIES)


def advice() -> dict[str, tuple[str, str, str]]:
    """Return {code: (severity, what it means, what to do)} as people wrote it."""
    with ADVICE.open(encoding="utf-8", newline="") as lines:
        return {row["code"]: (row["severity"], row["meaning"], row["advice"]) for row in csv.DictReader(lines)}


def findings_part() -> str:
    """Every finding with what to do about it."""
    told, found = advice(), finding_codes()
    for name in sorted(found.keys() - told.keys()):
        raise Undocumented(f"The finding {name} has no row in tools/advice.csv.")
    for name in sorted(told.keys() - found.keys()):
        raise Undocumented(f"tools/advice.csv speaks of {name}, which no check finds.")
    for name, (severities, _) in found.items():
        if severities and told[name][0] not in severities:
            raise Undocumented(
                f"tools/advice.csv says {told[name][0]} of {name}; the source says {', '.join(sorted(severities))}."
            )
    order = sorted(told, key=lambda name: (SEVERITIES.index(told[name][0]), name))
    return table(("finding", "severity", "what it means", "what to do"), [[code(name), *told[name]] for name in order])


def jobs_part() -> str:
    """Every job of the worker."""
    if worker.VERBS.keys() != JOBS.keys():
        raise Undocumented("The table of jobs in tools/generate_docs.py is not that of the worker.")
    return table(("job", "what it does"), [[code(name), JOBS[name]] for name in worker.VERBS])


def conformance_part() -> str:
    """The conformance statement of an archive with default settings."""
    return dimse.statement(settings.Settings(home=Path("home"))).partition("\n")[2]


PARTS: dict[str, Callable[[], str]] = {
    "conformance": conformance_part,
    "settings": settings_part,
    "search": search_part,
    "guide": guide_part,
    "profiles": profiles_part,
    "presets": presets_part,
    "commands": commands_part,
    "errors": errors_part,
    "families": families_part,
    "routes": routes_part,
    "findings": findings_part,
    "jobs": jobs_part,
}


def documents() -> list[Path]:
    """Return README and every page of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def rewritten(text: str) -> str:
    """Return a page with its generated parts written anew."""
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]().strip()}\n\n{found[3]}", text)


def main() -> None:
    """Write every page whose generated parts have changed, and name it."""
    for path in documents():
        before = path.read_text("utf-8")
        after = rewritten(before)
        if after != before:
            path.write_text(after, "utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
