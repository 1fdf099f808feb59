"""One way to load any foreign script and to run it on an object."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from pydicom.charset import python_encoding
from pydicom.dataset import Dataset

from invivo.deidentification import element as elements
from invivo.deidentification import record
from invivo.deidentification.report import Action, CannotDeidentify
from invivo.deidentification.scripts.ctp_apply import Pass
from invivo.deidentification.scripts.ctp_rule import Rules, Skipped
from invivo.deidentification.scripts.ctp_script import compile_script
from invivo.deidentification.scripts.dicomedit_functions import FUNCTIONS, OLD_FUNCTIONS
from invivo.deidentification.scripts.dicomedit_parser import parse_program
from invivo.deidentification.scripts.dicomedit_run import Fill, Rejected, Run
from invivo.deidentification.scripts.dicomedit_syntax import Program
from invivo.deidentification.scripts.dicomedit_tree import CHARACTER_SET, Tree
from invivo.deidentification.scripts.lookup import Lookup, Numbers, text_of
from invivo.deidentification.scripts.refusal import LARGEST_SCRIPT, ScriptRefused, Warned, failed

Outcome = Literal["passed", "skipped"]
KINDS = ("ctp", "dicomedit6", "dicomedit4")
_PROPERTY = re.compile(r"^[ \t]*(?:set\.\[|param\.|keep\.|remove\.)", re.MULTILINE)
_VERSION = re.compile(r"(?:\s++|//[^\n]*+)*+version\b")
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"'](iso-8859-1|us-ascii|windows-1252)[\"']", re.I)
_TITLES = {"ctp": "CTP anonymizer script", "dicomedit6": "DicomEdit script", "dicomedit4": "DicomEdit 4 script"}


@dataclass(frozen=True, slots=True)
class Script:
    """A compiled script. ``digest`` is the SHA-256 of its text in hexadecimal; the first 12 digits are its version."""

    kind: str
    digest: str
    title: str
    warnings: tuple[Warned, ...]
    content: Rules | Program = field(repr=False)
    lookup: Lookup | None = field(repr=False, default=None)
    defaults: Mapping[str, str] = field(repr=False, default_factory=dict)

    @property
    def version(self) -> str:
        """What stands in the record of a cleaned object."""
        return self.digest[:12]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an object. ``skipped``: the script did not touch it, so it has to be held.

    ``fills`` are rectangles that the pixel stage has to fill, ``exports`` values for the host, which identify, and
    ``echoes`` the number of lines for the log, whose text is never told.
    """

    dataset: Dataset
    actions: tuple[Action, ...]
    outcome: Outcome
    fills: tuple[Fill, ...] = ()
    exports: Mapping[str, str] = field(repr=False, default_factory=dict)
    echoes: int = 0


def load_script(
    text: str | bytes,
    *,
    kind: str | None = None,
    parameters: Mapping[str, str] | None = None,
    lookup: Lookup | None = None,
) -> Script:
    """Compile a foreign script, wholly or not at all.

    Parameters
    ----------
    text : str or bytes
        UTF-8, or what an XML declaration says (ISO-8859-1, US-ASCII, Windows-1252).
    kind : {'ctp', 'dicomedit6', 'dicomedit4', None}
        None to tell from the text.
    parameters : mapping of str to str, optional
        CTP: parameters that win over the script's own. DicomEdit: values of variables, unless ``apply`` has others.
    lookup : Lookup, optional
        A script that looks things up is refused without one.

    Returns
    -------
    Script

    Raises
    ------
    ScriptRefused
        Anything in the script is not understood. It carries ``line``, ``column`` and ``reason``.

    Examples
    --------
    >>> script = load_script('version "6.6"\\n- */(0010,0010)')
    >>> script.kind, script.version
    ('dicomedit6', 'c521557e279c')
    """
    plain = _decoded(text)
    if not plain.strip():
        raise ScriptRefused("the script is empty, so everything would pass unchanged.")
    found = kind or _kind_of(plain)
    if found not in KINDS:
        raise ScriptRefused("the kind of a script is ctp, dicomedit6 or dicomedit4.")
    given = dict(parameters or {})
    content: Rules | Program
    try:
        if found == "ctp":
            content = compile_script(plain, given, lookup)
        else:
            old = found == "dicomedit4"
            content = parse_program(plain, frozenset(given), OLD_FUNCTIONS if old else FUNCTIONS, old=old)
    except RecursionError:
        raise ScriptRefused("the script is nested too deep.") from None
    if isinstance(content, Program) and content.looks_up_at and lookup is None:
        line, column = content.looks_up_at
        raise ScriptRefused("the script looks things up, but there is no lookup table.", line=line, column=column)
    digest = hashlib.sha256(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")).hexdigest()
    title = f"{_TITLES[found]} {digest[:12]}"
    return Script(found, digest, title, content.warnings, content, lookup, given)


def _decoded(text: str | bytes) -> str:
    if isinstance(text, bytes) and len(text) <= LARGEST_SCRIPT:
        named = _ENCODING.match(text)
        if named:
            try:
                text = text.decode(named[1].decode("ascii"))
            except UnicodeDecodeError:
                raise ScriptRefused("the file is not in the encoding that it names.") from None
    return text_of(text, LARGEST_SCRIPT)


def _kind_of(text: str) -> str:
    if text.lstrip().startswith("<"):
        return "ctp"
    if _VERSION.match(text):
        return "dicomedit6"
    return "ctp" if _PROPERTY.search(text) else "dicomedit4"


def apply(
    script: Script,
    dataset: Dataset,
    *,
    variables: Mapping[str, str] | None = None,
    numbers: Numbers | None = None,
) -> Applied:
    """Run a script on an object; the object itself is never changed.

    Parameters
    ----------
    script : Script
    dataset : Dataset
        As pydicom reads it. Its file meta information can be read by the script.
    variables : mapping of str to str, optional
        DicomEdit: the host's variables (``project``, ``subject``, ``session`` and described ones). CTP: ``now``, an
        ISO 8601 time that stands for the clock.
    numbers : Numbers, optional
        Running numbers and mapped UIDs; a script that needs them fails without.

    Returns
    -------
    Applied
        A new data set with file meta information of our own, and what was done to it.

    Raises
    ------
    CannotDeidentify
        A function failed, a key is missing from the lookup table, or the script puts the object aside or rejects it.
        The code begins with ``deidentification.script-``. Nothing of the object may pass.
    """
    given = {**script.defaults, **(variables or {})}
    try:
        applied = _applied(script, dataset, given, numbers)
    except Skipped:
        return Applied(dataset, (), "skipped")
    except Rejected:
        raise failed("rejected", "The script rejects this object.") from None
    except RecursionError:
        raise CannotDeidentify("Sequences are nested too deep.", code="deidentification.too-deep") from None
    except CannotDeidentify:
        raise
    except Exception as error:  # because hostile values may break any step, and then nothing may pass
        raise failed("failure", f"The script failed on this object ({type(error).__name__}).") from None
    record.write_file_meta(dataset, applied.dataset)
    return applied


def _applied(script: Script, dataset: Dataset, given: Mapping[str, str], numbers: Numbers | None) -> Applied:
    if isinstance(script.content, Rules):
        work = Pass(script.content, numbers, _now(given.get("now")))
        return Applied(work.root(dataset), tuple(work.actions), "passed")
    tree = Tree(dataset)
    _check_character_set(tree)
    run = Run(tree, dict(given), given, script.lookup, numbers)
    exports = run.program(script.content)
    return Applied(tree.dataset, tuple(tree.actions), "passed", tuple(run.fills), exports, run.echoes)


def _check_character_set(tree: Tree) -> None:
    """Scripts leave the character set alone, so it must not hide a text."""
    terms = elements.character_sets(tree.dataset)
    if CHARACTER_SET in tree.dataset and any(term and term not in python_encoding for term in terms):
        raise failed("character-set", "The object names a character set that is not known.")


def _now(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC).astimezone()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise failed("variable", "The variable now is no time.") from None
