"""The house rules that a machine can check: imports, hiding places, sizes, one writer per table."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SRC = Path(__file__).parent.parent / "src" / "invivo"
ORDER = """errors settings dicom database storage archive audit jobs notices
accounts collections dictionaries subjects images attachments
deidentification quarantine reviews submissions releases
search carts usage downloads client site articles survey helpdesk assessment
protocols web worker serving demo cli""".split()
DOORS = {"protocols", "web", "worker", "cli"}
LONGEST_FILE, LONGEST_FUNCTION = 500, 60
WRITES = re.compile(r"\b(?:insert\s+into|update|delete\s+from)\s+([a-z]+)\.[a-z_]+", re.I)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
IMPORTS = (ast.Import, ast.ImportFrom)


def targets(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, bool]]:
    """Yield (room, whether the import reaches past the room's front desk)."""
    if isinstance(node, ast.ImportFrom) and node.module == "invivo":
        yield from ((a.name, False) for a in node.names if not a.name.startswith("__"))
    else:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        yield from ((n.split(".")[1], True) for n in names if n.startswith("invivo."))


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    doc = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - (doc.count("\n") + 1 if doc else 0)


def faults(src: Path = SRC) -> Iterator[str]:  # noqa: C901 - one rule after the other
    for path in sorted(src.rglob("*.py")):
        name = path.relative_to(src).as_posix()
        here = name.removesuffix(".py").split("/")[0]
        if here.startswith("__"):
            continue
        text = path.read_text()
        tree = ast.parse(text)
        if text.count("\n") > LONGEST_FILE:
            yield f"{name}: longer than {LONGEST_FILE} lines"
        for function in (n for n in ast.walk(tree) if isinstance(n, FUNCTIONS)):
            if body_length(function) > LONGEST_FUNCTION:
                yield f"{name}:{function.lineno}: {function.name} is longer than {LONGEST_FUNCTION} lines"
            for node in (n for n in ast.walk(function) if isinstance(n, IMPORTS)):
                yield f"{name}:{node.lineno}: an import hides in {function.name}"
        rooms_used = set()
        for node in (n for n in ast.walk(tree) if isinstance(n, IMPORTS)):
            if getattr(node, "level", 0):
                yield f"{name}:{node.lineno}: relative import"
            for there, past_desk in targets(node):
                if there == here:
                    continue
                if not past_desk:
                    rooms_used.add(there)
                elif (src / there).is_dir():
                    yield f"{name}:{node.lineno}: write 'from invivo import {there}'"
                if here in DOORS and there in DOORS:
                    yield f"{name}:{node.lineno}: door {here} imports door {there}"
                elif ORDER.index(there) > ORDER.index(here):
                    yield f"{name}:{node.lineno}: {here} may not import {there}"
        fields = {
            id(n.target)
            for c in ast.walk(tree)
            if isinstance(c, ast.ClassDef)
            for n in c.body
            if isinstance(n, ast.AnnAssign)
        }
        for node in ast.walk(tree):
            bound = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in fields
            word = node.arg if isinstance(node, ast.arg) else node.id if bound else None
            if word in rooms_used and (src / word).is_dir():
                yield f"{name}:{node.lineno}: the name {word} is a room's"
        for table_room in WRITES.findall(text):
            if table_room in ORDER and table_room != here:
                yield f"{name}: {here} writes a table of {table_room}"


def test_house_rules() -> None:
    assert list(faults()) == []
