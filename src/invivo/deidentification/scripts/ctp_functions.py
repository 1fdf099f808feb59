"""The functions of CTP rules. Each maker reads its arguments at load and gives what runs for an object."""

import base64
import binascii
import re
from collections.abc import Callable

from invivo.deidentification.scripts import ctp_dates as dates
from invivo.deidentification.scripts.blowfish import cipher
from invivo.deidentification.scripts.ctp_compiler import Maker, Reading
from invivo.deidentification.scripts.ctp_names import THIS, Name
from invivo.deidentification.scripts.ctp_rule import Blanks, Context, Control, Piece, Result, Skipped, spelled
from invivo.deidentification.scripts.pattern import BadPattern, replacement_of
from invivo.deidentification.scripts.refusal import failed

_HERE = Name((THIS,))
_MOST_BLANKS = 55
_LONGEST_INTEGER = 20
_UNKEYED = "A hash without a secret key can be reversed by trying all values; prefer the profile's own pseudonyms."
_NOTHING = re.compile(r"[^0-9]")


def _lookup_missing() -> Exception:
    return failed("lookup", "A key of the script is not in the lookup table.")


def _text_of(name: Name, change: Callable[[str], str]) -> Piece:
    return lambda context: change(context.text(name))


def _value_or_remove(name: Name, change: Callable[[str], str]) -> Piece:
    return lambda context: change(context.text(name)) if context.present(name) else Control.REMOVE


def _blank(call: Reading) -> Result:
    number = call.whole_number(0)
    if number < 0:
        raise call.refused("this argument has to be at least 0.", 0)
    return Blanks(" " * min(number, _MOST_BLANKS))


def _param(call: Reading) -> Result:
    if call.argument(0).text[:1] not in {"@", "$"}:
        raise call.refused("a parameter is written @NAME.", 0)
    return call.result(0)


def _contents(call: Reading) -> Piece:
    name = call.name(0)
    if call.count == 1:
        return _text_of(name, str)
    pattern = call.pattern(1)
    try:
        replacement = replacement_of(call.argument(2).plain if call.count == 3 else "", pattern)
    except BadPattern as error:
        raise call.refused(f"{error}.", 2) from None
    return _text_of(name, lambda text: pattern.replace(text, replacement))


def _value(call: Reading) -> Piece:
    name, default = call.name(0), call.result(1) if call.count == 2 else ""

    def run(context: Context) -> Result:
        text = context.text(name)
        return text if text.strip() else default

    return run


def _truncate(call: Reading) -> Piece:
    name, size = call.name(0), call.whole_number(1)
    return _text_of(name, lambda text: dates.truncate(text, size))


def _append(call: Reading) -> Piece:
    rule = call.clause(0)

    def run(context: Context) -> Result:
        new, old = rule.run(context), context.text(_HERE)
        if isinstance(new, Control):
            raise failed("mixed", "A rule of the script appends a decision instead of text.")
        return f"{old}\\{new}" if old else new

    return run


def _require(call: Reading) -> Piece:
    name = call.name(0) if call.count else None
    default = call.result(1) if call.count == 2 else ""

    def run(context: Context) -> Result:
        if context.present(_HERE):
            return Control.KEEP
        if name is None:
            return Control.EMPTY
        text = context.text(name) if context.present(name) else default
        return text if isinstance(text, Control) or text.strip() or not text else Blanks(text)

    return run


def _path_element(call: Reading) -> Piece:
    name, at = call.name(0), call.whole_number(1)
    return _text_of(name, lambda text: dates.path_element(text, at))


def _initials(call: Reading) -> Piece:
    name, offset = call.name(0), call.whole_number(1) if call.count == 2 else 0
    return _text_of(name, lambda text: dates.initials(text, offset))


def _hash(call: Reading) -> Piece:
    call.warn(_UNKEYED)
    name, digits = call.name(0), call.positive(1) if call.count == 2 else None
    return _value_or_remove(name, lambda text: dates.hash_number(text, digits))


def _hash_name(call: Reading) -> Piece:
    call.warn(_UNKEYED)
    name, digits = call.name(0), call.positive(1) if call.count > 1 else 4
    words = call.positive(2) if call.count == 3 else None
    return _value_or_remove(name, lambda text: dates.hash_name(text, digits, words))


def _hash_patient(call: Reading) -> Piece:
    call.warn(_UNKEYED)
    site, name = call.parameter(0).strip(), call.name(1)
    digits = call.positive(2) if call.count == 3 else None
    return _value_or_remove(name, lambda text: dates.hash_number(f"[{site}]{text.strip()}", digits))


def _hash_uid(call: Reading) -> Piece:
    call.warn(_UNKEYED)
    root, name = call.parameter(0), call.name(1)
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*\.?", root, re.ASCII) or len(root) > 50:
        raise call.refused("this is no root for UIDs.", 0)
    other = call.name(2) if call.count == 3 else None
    if other is not None:
        call.compiler.ruled.append((other, call.refused("this element has no rule of its own.", 2)))

    def run(context: Context) -> Result:
        if not context.present(name):
            return Control.REMOVE
        salt = _ruled_text(context, other) if other is not None else ""
        uids = context.text(name).split("\\")
        return "\\".join(dates.hash_uid(root, uid + salt) if uid else "" for uid in uids)

    return run


def _ruled_text(context: Context, name: Name) -> str:
    """What the rule of another element makes of it."""
    step = name.steps[-1]
    rules = context.script
    rule = None
    if len(name.steps) == 1:
        rule = rules.public.get(step) if isinstance(step, int) else rules.private.get(step)
    if rule is None or context.depth >= 3:
        raise failed("recursion", "Rules of the script need each other's results.")
    level = context.level.root if name.from_root else context.level
    inner = Context(level, rules, context.numbers, context.now, step if isinstance(step, int) else 0, context.depth + 1)
    result = rule.run(inner)
    if result is Control.KEEP:
        return context.text(name)
    return "" if isinstance(result, Control) else result


def _hash_date(call: Reading) -> Piece:
    call.warn(_UNKEYED)
    name, other = call.name(0), call.name(1)

    def run(context: Context) -> Result:
        if not (context.present(name) and context.present(other)):
            return Control.REMOVE
        return dates.shift_dates(context.text(name), -dates.hash_days(context.text(other)))

    return run


def _increment_date(call: Reading) -> Piece:
    name = call.name(0)
    if call.count == 2:
        days = call.whole_number(1)
        return _value_or_remove(name, lambda text: dates.shift_dates(text, days))
    other, keytype = call.name(1), call.keytype(2)

    def run(context: Context) -> Result:
        if not (context.present(name) and context.present(other)):
            return Control.REMOVE
        found = _found(call, keytype, context.text(other).strip())
        if found is None:
            raise _lookup_missing()
        days = found.strip()
        return dates.shift_dates(context.text(name), int(days)) if re.fullmatch(r"[+-]?\d{1,7}", days, re.ASCII) else ""

    return run


def _modify_date(call: Reading) -> Piece:
    name = call.name(0)
    year, month, day = (None if call.parameter(at) == "*" else call.whole_number(at) for at in (1, 2, 3))
    return _text_of(name, lambda text: dates.modify_date(text, year, month, day))


def _date_interval(call: Reading) -> Piece:
    name, keytype, key = call.name(0), call.keytype(1), call.name(2)
    origin = dates.parse_date(call.parameter(3)) if call.count == 4 else None
    if call.count == 4 and origin is None:
        raise call.refused("the origin is no date; write YYYYMMDD.", 3)
    key = Name(key.steps, from_root=True)

    def run(context: Context) -> Result:
        found = _found(call, keytype, context.text(key).strip())
        if found is None:
            raise _lookup_missing()
        base, day = dates.parse_date(found), dates.parse_date(context.text(name)[:8])
        if base is None or day is None:
            raise failed("date", "A date that the script needs is missing or no date.")
        if origin is None:
            return str((day - base).days)
        try:
            return dates.dicom_date(origin + (day - base))
        except OverflowError:
            raise failed("date", "A date falls out of the calendar.") from None

    return run


def _round(call: Reading) -> Piece:
    name, step = call.name(0), call.positive(1)
    return _text_of(name, lambda text: dates.round_age(text, step))


def _found(call: Reading, keytype: str, key: str) -> str | None:
    lookup = call.compiler.lookup
    return lookup.find(keytype, key) if lookup is not None else None


def _lookup(call: Reading) -> Piece:
    names = call.names(0)
    keytype = call.keytype(1)
    action = call.argument(2).plain if call.count > 2 else ""
    # UC may be the action itself, or stand before another one.
    upper = action.upper() == "UC"
    if action and not upper and action not in {"keep", "remove", "empty", "default", "ignore"}:
        raise call.refused(f"unknown action {action}.", 2)
    if (action in {"default", "ignore"}) != (call.count == 4):
        raise call.refused("only the actions default and ignore take another argument, and they need it.")
    default: Result = call.result(3) if action == "default" else ""
    pattern = call.pattern(3) if action == "ignore" else None
    fixed: dict[str, Result] = {"keep": Control.KEEP, "remove": Control.REMOVE, "empty": Control.EMPTY}

    def run(context: Context) -> Result:
        key = "|".join(context.text(name).strip() for name in names).replace("\\", "")
        key = key.upper() if upper else key
        value = _found(call, keytype, key)
        if value is not None:
            return spelled(value)
        if pattern is not None and pattern.matches(key):
            return key
        if action == "default":
            return default
        if action not in fixed:
            raise _lookup_missing()
        return fixed[action]

    return run


def _integer(call: Reading) -> Piece:
    name, keytype, width = call.name(0), call.parameter(1), call.whole_number(2)
    if not keytype or not 0 <= width <= _LONGEST_INTEGER:
        raise call.refused("the keytype is empty or the width is not between 0 and 20.")

    def run(context: Context) -> Result:
        if context.numbers is None or not context.present(name):
            raise failed("numbers", "The script needs running numbers, and there are none for this object.")
        return f"{context.numbers.number(keytype, context.text(name)):0{width}d}"

    return run


def _encrypt(call: Reading) -> Piece:
    name, key = call.name(0), dates.cipher_key(call.parameter(1))
    call.warn("Whoever has this script can decrypt what @encrypt writes; it is no de-identification by itself.")
    return _text_of(name, lambda text: base64.b64encode(cipher(key).encrypt(text.encode())).decode("ascii"))


def _decrypt(call: Reading) -> Piece:
    name, key = call.name(0), dates.cipher_key(call.parameter(1))
    call.warn("@decrypt brings back what was hidden.")

    def decrypted(text: str) -> str:
        try:
            return cipher(key).decrypt(base64.b64decode(text, validate=True)).decode("utf-8")
        except (ValueError, binascii.Error):
            raise failed("value", "A value of the object cannot be decrypted.") from None

    return _text_of(name, decrypted)


def _clock(fields: tuple[str, str, str]) -> Maker:
    def make(call: Reading) -> Piece:
        separator = call.argument(0).plain if call.count else ""
        call.warn("The result depends on the clock: a second run writes other values.")
        return lambda context: separator.join(context.now.strftime(part) for part in fields)

    return make


def _if(call: Reading) -> Piece:
    name, condition = call.name(0), call.argument(1).plain.lower()
    test = _condition(call, condition)
    then, otherwise = call.clause(0), call.clause(1)

    def run(context: Context) -> Result:
        holds = context.present(name) if condition == "exists" else test(context.text(name))
        return (then if holds else otherwise).run(context)

    return run


def _condition(call: Reading, condition: str) -> Callable[[str], bool]:
    if condition in {"isblank", "exists"}:
        if call.count != 2:
            raise call.refused(f"the condition {condition} takes no argument.", 2)
        return lambda text: not text.strip()
    if condition not in {"equals", "contains", "matches", "greaterthan"}:
        raise call.refused(f"unknown condition {call.argument(1).plain}.", 1)
    if call.count != 3:
        raise call.refused(f"the condition {condition} needs an argument.")
    wanted = call.parameter(2)
    if condition == "matches":
        return call.pattern(2, wanted).matches
    if condition == "greaterthan":
        limit = _NOTHING.sub("", wanted)
        if not limit:
            raise call.refused("this argument has no digits.", 2)
        return lambda text: int(_NOTHING.sub("", text)[:1000] or "-1") > int(limit[:1000])
    folded = wanted.lower()
    if condition == "equals":
        return lambda text: text.lower() == folded
    return lambda text: folded in text.lower()


def _select(call: Reading) -> Piece:
    outside, inside = call.clause(0), call.clause(1)
    return lambda context: (outside if context.level.root is context.level else inside).run(context)


def _quarantine(_call: Reading) -> Piece:
    def run(_context: Context) -> Result:
        raise failed("quarantine", "The script puts this object aside.")

    return run


def _skip(call: Reading) -> Piece:
    call.warn("@skip() leaves an object as it is; here it is held, not passed.")

    def run(_context: Context) -> Result:
        raise Skipped

    return run


def _plugin(call: Reading) -> Piece:
    raise call.refused("@call runs a Java extension, which cannot be run here.")


FUNCTIONS: dict[str, tuple[int, int, Maker]] = {
    "keep": (0, 0, lambda _call: Control.KEEP),
    "remove": (0, 0, lambda _call: Control.REMOVE),
    "empty": (0, 0, lambda _call: Control.EMPTY),
    "process": (0, 0, lambda _call: Control.PROCESS),
    "always": (0, 0, lambda _call: ""),
    "blank": (1, 1, _blank),
    "param": (1, 1, _param),
    "contents": (1, 3, _contents),
    "value": (1, 2, _value),
    "truncate": (2, 2, _truncate),
    "append": (0, 0, _append),
    "require": (0, 2, _require),
    "lowercase": (1, 1, lambda call: _text_of(call.name(0), str.lower)),
    "uppercase": (1, 1, lambda call: _text_of(call.name(0), str.upper)),
    "pathelement": (2, 2, _path_element),
    "initials": (1, 2, _initials),
    "hash": (1, 2, _hash),
    "hashname": (1, 3, _hash_name),
    "hashptid": (2, 3, _hash_patient),
    "hashuid": (2, 3, _hash_uid),
    "hashdate": (2, 2, _hash_date),
    "incrementdate": (2, 3, _increment_date),
    "modifydate": (4, 4, _modify_date),
    "dateinterval": (3, 4, _date_interval),
    "round": (2, 2, _round),
    "lookup": (2, 4, _lookup),
    "integer": (3, 3, _integer),
    "encrypt": (2, 2, _encrypt),
    "decrypt": (2, 2, _decrypt),
    "date": (0, 1, _clock(("%Y", "%m", "%d"))),
    "time": (0, 1, _clock(("%H", "%M", "%S"))),
    "if": (2, 3, _if),
    "select": (0, 0, _select),
    "quarantine": (0, 0, _quarantine),
    "skip": (0, 0, _skip),
    "call": (0, 99, _plugin),
}
