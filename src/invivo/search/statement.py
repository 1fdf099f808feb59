"""Query tree and condition to SQL."""

import re
from dataclasses import replace
from functools import reduce
from typing import Any

from invivo import accounts, collections, database
from invivo.errors import Invalid
from invivo.search.field import TEXTS, Field
from invivo.search.meaning import KINDS, REFERRED, REFERRING, meant, taken_by
from invivo.search.query import And, Compare, Having, Not, Or, Query, Text

TABLES = """
from images.series s
join collections.collection c on c.id = s.collection_id
join subjects.subject p on p.id = s.subject_id
join images.study t on t.id = s.study_id
left join images.measured m on m.series_id = s.id
left join images.location l on l.series_id = s.id
left join collections.dataset d on d.id = l.dataset_id
"""
FROM = f"{TABLES}where upper_inf(s.releases) and {{visible}} and {{query}}\n"
GROUPS = {"subject": "subject_id", "study": "study_id"}
_SOME_INSTANCE = "exists (select 1 from images.instance i where i.series_key = s.key and upper_inf(i.releases)"
_SAYING = (
    "select g.series_id from search.described g where g.terms && array(select d.id from search.term d where {met})"
)
# Of what a catalogue alone describes nobody knows what it refers to: it counts for the pictures of its study.
_NAMED = ", ".join(f"'{kind}'" for kind in KINDS)
_ELSEWHERE = f"l.series_id is not null and s.modality in ({_NAMED})"
_AWAY = {
    REFERRING: database.Condition(_ELSEWHERE),
    REFERRED: database.Condition(f"s.modality not in ({_NAMED})"),
}
_RELATED = {
    REFERRING: (
        "s.id in (select w.target_id from images.referred w where w.source_id in ({told})"
        f" union all select y.id from images.series y where y.modality not in ({_NAMED}) and y.study_id in ({{studies}}))"
    ),
    REFERRED: (
        "s.id in (select w.source_id from images.referred w where w.target_id in ({told})"
        " union all select y.id from images.series y join images.location x on x.series_id = y.id"
        f" where y.modality in ({_NAMED}) and y.study_id in ({{studies}}))"
    ),
}
_WORD = re.compile(r"[^\W_]+\*?")
_BARE_WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 32


def condition_of(query: Query, visible: database.Condition, level: str = "series") -> database.Condition:
    """Return the condition that a query means on the joined tables of `FROM`, and on ``images.instance i`` at its level.

    Parameters
    ----------
    visible : Condition
        What the actor may see: what is asked of a series' subject or study counts over that only.
    """
    if isinstance(query, And | Or):
        parts = [condition_of(part, visible, level) for part in query.parts]
        return _all_of(parts) if isinstance(query, And) else _any_of(parts)
    if isinstance(query, Not):
        return ~condition_of(query.part, visible, level)
    if isinstance(query, Having) and query.level in _RELATED:
        return _related(query, visible)
    if isinstance(query, Having):
        column = GROUPS[query.level]
        inner = database.join(f"select s.{column} {FROM}", visible=visible, query=condition_of(query.part, visible))
        return database.Condition(f"s.{column} in ({inner.text})", inner.parameters)
    return _text(query) if isinstance(query, Text) else _compared(query, visible, level)


def _related(query: Having, visible: database.Condition) -> database.Condition:
    """Return the condition on series that some series refers to, or that refer to one."""
    chosen = condition_of(query.part, visible)
    told = database.join(f"select s.id {FROM}", visible=visible, query=chosen)
    studies = database.join(f"select s.study_id {FROM}", visible=visible, query=chosen & _AWAY[query.level])
    text = _RELATED[query.level].format(told=told.text, studies=studies.text)
    return database.Condition(text, {**told.parameters, **studies.parameters})


def _compared(query: Compare, visible: database.Condition, level: str) -> database.Condition:
    field = query.field
    if field.kind == "referred":
        return condition_of(meant(query), visible, level)
    if field.kind == "mine":
        return taken_by(field)
    if field.kind in _OF_KIND:
        return _OF_KIND[field.kind](query, visible)
    if field.paths or field.path:
        return _words(query) if field.paths else _attribute(query)
    found = _compare(query)
    if field.column.startswith("i.") and level != "instance":
        return database.Condition(f"{_SOME_INSTANCE} and {found.text})", found.parameters)
    return found


def _all_of(conditions: list[database.Condition]) -> database.Condition:
    return reduce(lambda left, right: left & right, conditions) if conditions else database.everything()


def _any_of(conditions: list[database.Condition]) -> database.Condition:
    return reduce(lambda left, right: left | right, conditions) if conditions else database.nothing()


def asked_words(query: Text) -> list[str]:
    """Return the words that a text asks for, in small letters; one that ends with a star is a beginning.

    Raises
    ------
    Invalid
        There are more than `MOST_WORDS`.
    """
    words = (
        list(dict.fromkeys(_WORD.findall(query.text.lower())))
        if not query.is_phrase
        else _WORD.findall(query.text.lower())
    )
    if len(words) > MOST_WORDS:
        raise Invalid(f"A text asks for at most {MOST_WORDS} different words at once.", code="search.too-many-terms")
    return words


def word_in_headers(word: str) -> database.Condition:
    """Return the condition on series in whose headers a word stands, beside what has columns."""
    name = database.fresh("word")
    met = database.Condition(f"images.words(d.value) @@ %({name})s::tsquery", {name: _as_tsquery([word])})
    return _described(met)


def phrase_in_headers(words: list[str]) -> database.Condition:
    """Return the condition on series of whose headers one value has some words that follow each other."""
    name, phrase = database.fresh("words"), database.fresh("phrase")
    text = f"images.words(d.value) @@ %({name})s::tsquery and {_follows('d.value', phrase)}"
    return _described(database.Condition(text, {name: _as_tsquery(words), phrase: _phrase_pattern(words)}))


def _text(query: Text) -> database.Condition:
    words = asked_words(query)
    if query.is_phrase and len(words) > 1:
        return _phrase(words)
    return _all_of([_word(word) for word in words])


def _word(word: str) -> database.Condition:
    """A word stands in the columns or in the headers; each has an index, which an ``or`` of the two would not use."""
    name = database.fresh("word")
    asked = f"%({name})s::tsquery"
    saying = _SAYING.format(met=f"images.words(d.value) @@ {asked}")
    return database.Condition(
        f"s.id in (select w.id from images.series w where w.text @@ {asked} union all {saying})",
        {name: _as_tsquery([word])},
    )


def _phrase(words: list[str]) -> database.Condition:
    name, phrase = database.fresh("words"), database.fresh("phrase")
    follows = " or ".join(_follows(field.column, phrase) for field in TEXTS)
    given = {name: _as_tsquery(words), phrase: _phrase_pattern(words)}
    return database.Condition(f"s.text @@ %({name})s::tsquery and ({follows})", given) | phrase_in_headers(words)


def _follows(column: str, phrase: str) -> str:
    return rf"' ' || regexp_replace(lower({column}), '[^[:alnum:]]+', ' ', 'g') || ' ' like %({phrase})s"


def _as_tsquery(words: list[str]) -> str:
    return " & ".join(f"'{word[:-1]}':*" if word.endswith("*") else f"'{word}'" for word in words)


def _phrase_pattern(words: list[str]) -> str:
    return f"% {' '.join(word.removesuffix('*') for word in words)}{'' if words[-1].endswith('*') else ' '}%"


def _attribute(query: Compare) -> database.Condition:
    """Compare what the headers say; some value of some instance must meet it."""
    field, name = query.field, database.fresh("path")
    if query.operator == "empty":
        return ~_attribute(Compare(field, "has"))
    column = {"number": "d.number", "date": "d.day"}.get(field.kind, "d.value")
    met = _compare(Compare(replace(field, column=column), query.operator, query.values))
    if query.operator == "has":
        met = database.everything()
    text = f"d.path_id = (select h.id from search.path h where h.path = %({name})s) and ({met.text})"
    return _described(database.Condition(text, {**met.parameters, name: field.path}))


def _words(query: Compare) -> database.Condition:
    """Compare what several attributes say: the asked words follow each other in one value of one of them.

    What a catalogue alone describes has no headers here: its description stands for them.
    """
    if query.operator == "empty":
        return ~_words(Compare(query.field, "has"))
    name, paths = database.fresh("text"), database.fresh("paths")
    given: dict[str, Any] = {paths: list(query.field.paths)}
    among = f"d.path_id in (select h.id from search.path h where h.path = any(%({paths})s::text[]))"
    away = f"({_ELSEWHERE}) and "
    if query.operator == "has":
        return _described(database.Condition(f"{among} and d.value <> ''", given)) | database.Condition(
            f"{away} coalesce(s.description, '') <> ''"
        )
    if query.operator == "like":
        met = f"lower({{}}) like %({name})s"
        met_there = f"{among} and {met.format('d.value')}"
        given[name] = _pattern(query.values[0].lower())
        return _described(database.Condition(met_there, given)) | database.Condition(
            away + met.format("s.description"), {name: given[name]}
        )
    return _any_of([_words_of(value, among, away, given) for value in query.values])


def _words_of(value: str, among: str, away: str, given: dict[str, Any]) -> database.Condition:
    words = _BARE_WORD.findall(value.lower())[:MOST_WORDS]
    if not words:
        return database.nothing()
    name, phrase = database.fresh("words"), database.fresh("phrase")
    asked = {name: _as_tsquery(words), phrase: _phrase_pattern(words)}
    there = f"{among} and images.words(d.value) @@ %({name})s::tsquery and {_follows('d.value', phrase)}"
    return _described(database.Condition(there, {**given, **asked})) | database.Condition(
        f"{away} {_follows('s.description', phrase)}", {phrase: asked[phrase]}
    )


def _described(met: database.Condition) -> database.Condition:
    """Return the condition on series of which some term meets one."""
    return database.Condition(f"s.id in ({_SAYING.format(met=met.text)})", met.parameters)


def _count(query: Compare, visible: database.Condition) -> database.Condition:
    """Compare how many different values a series' subject has over all that the actor may see of it."""
    whole = database.join(
        f"select s.subject_id, count(distinct {query.field.column}) as counted {FROM} group by s.subject_id",
        visible=visible,
        query=database.everything(),
    )
    found = _compare(_as_counted(query))
    text = f"s.subject_id in (select n.subject_id from ({whole.text}) n where {found.text})"
    return database.Condition(text, {**whole.parameters, **found.parameters})


def _day(query: Compare, visible: database.Condition) -> database.Condition:
    """Compare how many days a study lies behind the first one that the actor may see of its subject."""
    column = query.field.column
    whole = database.join(
        f"select s.id, {column} - min({column}) over (partition by s.subject_id) as counted {FROM}",
        visible=visible,
        query=database.everything(),
    )
    found = _compare(_as_counted(query))
    text = f"s.id in (select n.id from ({whole.text}) n where {found.text})"
    return database.Condition(text, {**whole.parameters, **found.parameters})


def _no_site(_query: Compare, _visible: database.Condition) -> database.Condition:
    """Find nothing: whoever may ask for sites asks in other words, see `meaning.bound`."""
    return database.nothing()


_OF_KIND = {"count": _count, "day": _day, "site": _no_site}


def _as_counted(query: Compare) -> Compare:
    return Compare(Field(query.field.name, query.field.title, "n.counted", "number"), query.operator, query.values)


def _compare(query: Compare) -> database.Condition:
    field, name = query.field, database.fresh()
    column = f"lower({field.column})" if field.kind == "name" else field.column
    values = [value.lower() for value in query.values] if field.kind == "name" else list(query.values)
    if field.kind == "list":
        return _list(query, name)
    if query.operator in ("empty", "has"):
        return database.Condition(f"coalesce({field.column}::text, '') {'=' if query.operator == 'empty' else '<>'} ''")
    if query.operator == "like":
        return database.Condition(f"{column} like %({name})s", {name: _pattern(values[0])})
    cast = {"number": "::double precision", "date": "::date", "key": "::bigint"}.get(field.kind, "::text")
    if query.operator in _SIGNS:
        return _ends(column, query.operator, values, cast)
    # One value as an equality: of an array the planner would expect ten values, and scan instead of looking up.
    is_one = len(values) == 1
    text = f"{column} = %({name})s{cast}" if is_one else f"{column} = any(%({name})s{cast}[])"
    return database.Condition(text, {name: values[0] if is_one else values})


_SIGNS = {"range": (">=", "<="), "above": (">",), "below": ("<",)}


def _ends(column: str, operator: str, values: list[str], cast: str) -> database.Condition:
    """Compare with the ends of a range, as far as there are any, or with one end that is not meant itself."""
    names = [database.fresh() for _ in values]
    parts = [
        database.Condition(f"{column} {sign} %({name})s{cast}", {name: value})
        for sign, name, value in zip(_SIGNS[operator], names, values, strict=True)
        if value
    ]
    return reduce(lambda left, right: left & right, parts, database.everything())


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


def visible_and_asked(actor: accounts.Actor, query: Query, level: str = "series") -> dict[str, database.Condition]:
    """Return the two conditions that `FROM` wants; what depends on who asks is bound already."""
    visible = collections.visible_to(actor)
    return {"visible": visible, "query": condition_of(query, visible, level)}
