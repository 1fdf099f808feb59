"""The documentation is true: generated parts are up to date, everything has its place, every link leads somewhere."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools import generate_docs

from invivo import settings, web, worker

ROOT = Path(__file__).parent.parent
PAGES = generate_docs.documents()
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.S | re.M)
FORBIDDEN = re.compile(
    r"/work/|/tmp/|/root/|/home/\w|\bpypi\b|npmjs|pythonhosted|files\.python|crates\.io|\bTODO\b|\bFIXME\b|coming soon|lorem ipsum",
    re.I,
)
DOORS = ("/dicom-web", "/wado", "/uploads", "/api", "/health", "/metrics", "/viewer/ohif", "/static")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text("utf-8"))


def everything() -> str:
    return "\n".join(path.read_text("utf-8") for path in PAGES)


def links() -> Iterator[tuple[str, str]]:
    for path in PAGES:
        for target in LINK.findall(prose(path)):
            if "://" not in target and not target.startswith("mailto:"):
                yield named(path), target


def anchors(path: Path) -> set[str]:
    """Return the anchors that a page's headings make."""
    headings = re.findall(r"^#+ +(.+)$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_generated_parts_are_what_the_code_says(path: Path) -> None:
    text = path.read_text("utf-8")
    written = generate_docs.rewritten(text)
    if os.environ.get("INVIVO_GOLDEN") == "write":
        path.write_text(written, "utf-8")
        return
    assert text == written, "run `make docs`"


def test_every_generated_part_has_one_place() -> None:
    used = re.findall(r"<!-- generated: ([a-z-]+) -->", everything())
    assert sorted(used) == sorted(generate_docs.PARTS)


def test_a_stale_part_is_noticed() -> None:
    stale = "<!-- generated: jobs -->\nold\n<!-- end -->"
    assert "`advance`" in generate_docs.rewritten(stale)
    assert "old" not in generate_docs.rewritten(stale)


@pytest.mark.parametrize("name", [name for name, *_ in settings.documented()])
def test_every_setting_has_a_place(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "settings.md").read_text("utf-8")


@pytest.mark.parametrize("words", [words for words, _ in generate_docs.commands()])
def test_every_command_has_a_place(words: str) -> None:
    assert f"### {words}\n" in (ROOT / "docs" / "command-line.md").read_text("utf-8")


def test_every_command_says_what_it_and_its_options_do() -> None:
    bare = [words for words, command in generate_docs.commands() if not command.help]
    bare += [
        f"{words} {one.name}" for words, command in generate_docs.commands() for one in command.params if not one.help
    ]
    assert bare == []


def test_every_error_code_has_a_place_and_words() -> None:
    written = (ROOT / "docs" / "errors.md").read_text("utf-8")
    codes = generate_docs.error_codes()
    assert [name for name, _ in codes if f"`{name}`" not in written] == []
    assert [name for name, (_, text) in ((name, told) for (name, _), told in codes.items()) if not text.strip()] == []


def test_every_address_of_a_door_has_a_place() -> None:
    written = (ROOT / "docs" / "addresses.md").read_text("utf-8")
    assert [prefix for prefix in (*DOORS, *web.DESK_PREFIXES) if f"`{prefix}" not in written] == []


def test_every_address_says_what_it_does() -> None:
    lines = [line for line in generate_docs.routes_part().splitlines() if line.startswith("| ") and "`/" in line]
    assert len(lines) > 100
    assert [line for line in lines if line.endswith("|  |")] == []


def test_every_job_has_a_place() -> None:
    written = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert [name for name in worker.VERBS if f"`{name}`" not in written] == []


def test_every_finding_has_a_place_and_advice() -> None:
    written = (ROOT / "docs" / "curator.md").read_text("utf-8")
    found = generate_docs.finding_codes()
    assert {"pixel.burned-in", "proof.leftover", "geometry.gap", "conformance.missing"} <= found.keys()
    assert [name for name in found if f"`{name}`" not in written] == []


@pytest.mark.parametrize(("page", "target"), sorted(set(links())), ids=str)
def test_links_and_pictures_lead_somewhere(page: str, target: str) -> None:
    name, _, anchor = target.partition("#")
    there = (ROOT / page).parent / name if name else ROOT / page
    assert there.exists(), f"{page} names {target}, which is not there"
    assert not anchor or anchor in anchors(there), f"{target} has no such heading"


def test_every_page_is_reached_from_the_index() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop().resolve()
        if path in reached or path.suffix != ".md" or not path.exists():
            continue
        reached.add(path)
        waiting += [
            path.parent / target.partition("#")[0] for target in LINK.findall(prose(path)) if "://" not in target
        ]
    assert [named(path) for path in PAGES if path.resolve() not in reached] == []


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_no_page_names_a_machine_a_registry_or_a_promise(path: Path) -> None:
    assert [found[0] for found in FORBIDDEN.finditer(path.read_text("utf-8"))] == []
