"""Query tree and condition to SQL."""

import re
from functools import reduce

from invivo import database
from invivo.search.query import And, Compare, Not, Or, Query, Text

FROM = """
from images.series s
join collections.collection c on c.id = s.collection_id
join subjects.subject p on p.id = s.subject_id
join images.study t on t.id = s.study_id
where upper_inf(s.releases) and {visible} and {query}
"""
_SOME_INSTANCE = "exists (select 1 from images.instance i where i.series_key = s.key and upper_inf(i.releases)"
_WORD = re.compile(r"[^\W_]+\*?")


def condition_of(query: Query, level: str = "series") -> database.Condition:
    """Return the condition that a query means on the joined tables of `FROM`, and on ``images.instance i`` at its level."""
    if isinstance(query, And):
        return _all_of([condition_of(part, level) for part in query.parts])
    if isinstance(query, Or):
        return reduce(
            lambda left, right: left | right, (condition_of(part, level) for part in query.parts), database.nothing()
        )
    if isinstance(query, Not):
        return ~condition_of(query.part, level)
    if isinstance(query, Text):
        return _text(query)
    found = _compare(query)
    if query.field.column.startswith("i.") and level != "instance":
        return database.Condition(f"{_SOME_INSTANCE} and {found.text})", found.parameters)
    return found


def _all_of(conditions: list[database.Condition]) -> database.Condition:
    return reduce(lambda left, right: left & right, conditions) if conditions else database.everything()


def _text(query: Text) -> database.Condition:
    words = _WORD.findall(query.text.lower())
    if not words:
        return database.everything()
    name = database.fresh("words")
    asked = " & ".join(f"'{word[:-1]}':*" if word.endswith("*") else f"'{word}'" for word in words[:32])
    return database.Condition(f"s.text @@ to_tsquery('simple', %({name})s)", {name: asked})


def _compare(query: Compare) -> database.Condition:
    field, name = query.field, database.fresh()
    column = f"lower({field.column})" if field.kind == "name" else field.column
    values = [value.lower() for value in query.values] if field.kind == "name" else list(query.values)
    if field.kind == "list":
        return _list(query, name)
    if query.operator == "empty":
        return database.Condition(f"coalesce({field.column}::text, '') = ''")
    if query.operator == "has":
        return database.Condition(f"coalesce({field.column}::text, '') <> ''")
    if query.operator == "like":
        return database.Condition(f"{column} like %({name})s", {name: _pattern(values[0])})
    cast = {"number": "::double precision", "date": "::date"}.get(field.kind, "::text")
    if query.operator == "range":
        other = database.fresh()
        parts = [database.Condition(f"{column} >= %({name})s{cast}", {name: values[0]})] if values[0] else []
        parts += [database.Condition(f"{column} <= %({other})s{cast}", {other: values[1]})] if values[1] else []
        return reduce(lambda left, right: left & right, parts, database.everything())
    # One value as an equality: of an array the planner would expect ten values, and scan instead of looking up.
    is_one = len(values) == 1
    text = f"{column} = %({name})s{cast}" if is_one else f"{column} = any(%({name})s{cast}[])"
    return database.Condition(text, {name: values[0] if is_one else values})


def _list(query: Compare, name: str) -> database.Condition:
    """Compare a column of several texts: one of them must be asked; ``empty`` and ``has`` ask for any at all."""
    column = query.field.column
    if query.operator in ("empty", "has"):
        return database.Condition(f"cardinality({column}) {'=' if query.operator == 'empty' else '>'} 0")
    return database.Condition(f"{column} && %({name})s::text[]", {name: list(query.values)})


def _pattern(text: str) -> str:
    """Return the LIKE pattern of a DICOM wildcard (PS3.4 C.2.2.2.4)."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return re.sub(r"%+", "%", escaped.replace("*", "%")).replace("?", "_") if "*" in text or "?" in text else escaped
