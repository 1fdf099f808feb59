"""The query language: what each form means, that writing is the reverse of reading, and what faults say."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invivo.search.field import field_named
from invivo.search.guide import examples
from invivo.search.language import LONGEST_TEXT, MOST_TERMS, BadQuery, normalised, read, write
from invivo.search.query import ALL, And, Compare, Having, Not, Or, Text
from invivo.search.wording import DEEPEST


def asks(name, *values):
    return Compare(field_named(name), "is", values)


def like(name, pattern):
    return Compare(field_named(name), "like", (pattern,))


def between(name, low, high):
    return Compare(field_named(name), "range", (low, high))


def has(name):
    return Compare(field_named(name), "has")


def empty(name):
    return Compare(field_named(name), "empty")


def phrase(text):
    return Text(text, is_phrase=True)


CT, MR = asks("modality", "CT"), asks("modality", "MR")
FORMS = [
    ("", ALL),
    ("  \n ", ALL),
    ("*", ALL),
    ("lung", Text("lung")),
    ("Lung  nodule,\tleft", Text("Lung nodule, left")),
    ("t1-weighted 3.5 a/b & c", Text("t1-weighted 3.5 a/b & c")),
    ("lung - nodule", Text("lung - nodule")),
    ("lung and nodule", Text("lung nodule")),
    ("nod*", Text("nod*")),
    ("chest * modality:CT", And((Text("chest"), CT))),
    ('"ground glass"', phrase("ground glass")),
    ("“ground  glass”", phrase("ground glass")),
    ('lung "ground glass" nodule', And((Text("lung"), phrase("ground glass"), Text("nodule")))),
    (r'"a \"b\" c\\d"', phrase(r'a "b" c\d')),
    ('"and" "a:b"', And((phrase("and"), phrase("a:b")))),
    ("modality:CT", CT),
    ("modality=CT", CT),
    ("modality==CT", CT),
    ("Modality : ct", CT),
    ("(0008,0060):CT", CT),
    ("00080060:CT", CT),
    ("BODY_PART:chest", asks("body-part", "chest")),
    ("sex:women", asks("sex", "F")),
    ("modality!=CT", Not(CT)),
    ("modality≠CT", Not(CT)),
    ("modality:!=CT", Not(CT)),
    ("modality!=(CT or MR)", Not(asks("modality", "CT", "MR"))),
    ("modality:(CT or MR)", asks("modality", "CT", "MR")),
    ("modality:( CT, MR ,SR )", asks("modality", "CT", "MR", "SR")),
    ("modality:(CT)", CT),
    ("modality:CT or modality:MR", asks("modality", "CT", "MR")),
    ("modality:(CT or M*)", Or((CT, like("modality", "M*")))),
    (
        "rows:(..256 or 512 or 1024..)",
        Or((between("rows", "", "256"), asks("rows", "512"), between("rows", "1024", ""))),
    ),
    ('body-part:("lower leg" or arm)', asks("body-part", "lower leg", "arm")),
    ('body-part:"lower leg"', asks("body-part", "lower leg")),
    ("description:T1:post=a<b", asks("description", "T1:post=a<b")),
    ("description:*post**T?", like("description", "*post*T?")),
    ('description:"* post *"', like("description", "* post *")),
    ("description:=T2*", asks("description", "T2*")),
    ('description:="*"', asks("description", "*")),
    ('description:("T2" or none)', Or((asks("description", "T2"), empty("description")))),
    ("contrast:*", has("contrast")),
    ("contrast:none", empty("contrast")),
    ("contrast:NONE", empty("contrast")),
    ('contrast:""', empty("contrast")),
    ('contrast:"none"', asks("contrast", "none")),
    ("contrast!=*", Not(has("contrast"))),
    ("slice-thickness:5", asks("slice-thickness", "5")),
    ("slice-thickness:5.0 mm", asks("slice-thickness", "5")),
    ("slice-thickness:0.5cm chest", And((asks("slice-thickness", "5"), Text("chest")))),
    ("slice-thickness:1..2.5", between("slice-thickness", "1", "2.5")),
    ("slice-thickness:1..2 cm", between("slice-thickness", "10", "20")),
    ("slice-thickness: 1 mm .. 2 cm", between("slice-thickness", "1", "20")),
    ("slice-thickness:..2.5", between("slice-thickness", "", "2.5")),
    ("slice-thickness:1.. chest", And((between("slice-thickness", "1", ""), Text("chest")))),
    ("slice-thickness<=1.5mm", between("slice-thickness", "", "1.5")),
    ("slice-thickness >= 0.15 cm", between("slice-thickness", "1.5", "")),
    ("slice-thickness≥1.5", between("slice-thickness", "1.5", "")),
    ("slice-thickness:>=1.5", between("slice-thickness", "1.5", "")),
    ("rows<512", And((between("rows", "", "512"), Not(asks("rows", "512"))))),
    ("rows>512 m", And((between("rows", "512", ""), Not(asks("rows", "512")), Text("m")))),
    ("size>1.5GB", And((between("size", "1500000000", ""), Not(asks("size", "1500000000"))))),
    ("age>=60 y", between("age", "60", "")),
    ("age:18 months", asks("age", "1.5")),
    ("PatientAge<=060Y", between("age", "", "60")),
    ("time-points>=2", between("time-points", "2", "")),
    ("time-points:2..3", between("time-points", "2", "3")),
    ("study-date:2005-03-01", asks("study-date", "2005-03-01")),
    ("study-date:20050301", asks("study-date", "2005-03-01")),
    ("study-date:2005", between("study-date", "2005-01-01", "2005-12-31")),
    ("study-date:2004-02", between("study-date", "2004-02-01", "2004-02-29")),
    ("study-date:2004..2005-06", between("study-date", "2004-01-01", "2005-06-30")),
    ("study-date:2004 ..", between("study-date", "2004-01-01", "")),
    ("study-date<2010", between("study-date", "", "2009-12-31")),
    ("study-date<=2010", between("study-date", "", "2010-12-31")),
    ("study-date>2010-01", between("study-date", "2010-02-01", "")),
    ("study-date>=2010-01-15", between("study-date", "2010-01-15", "")),
    ("EchoTime<=0.02s", between("EchoTime", "", "20")),
    ("AnatomicRegionSequence.CodeMeaning:*lung*", like("AnatomicRegionSequence.CodeMeaning", "*lung*")),
    ("(0008,2218).(0008,0104):lung", asks("AnatomicRegionSequence.CodeMeaning", "lung")),
    ('"GEMS_ACQU_01".0019xx02:5', asks("GEMS_ACQU_01|0019xx02", "5")),
    ('not "GEMS_ACQU_01"(0019,1002):5', Not(asks("GEMS_ACQU_01|0019xx02", "5"))),
    ("SourceImageSequence:*", has("SourceImageSequence")),
    ("series:1.2.3", asks("series", "1.2.3")),
    ("StudyTime:12:30", asks("study-time", "12:30")),
    ("not lung nodule", And((Not(Text("lung")), Text("nodule")))),
    ("not (lung nodule)", Not(Text("lung nodule"))),
    ("-lung", Not(Text("lung"))),
    ("lung -modality:CT", And((Text("lung"), Not(CT)))),
    ("lung -(modality:CT)", And((Text("lung"), Not(CT)))),
    ("NOT modality:CT", Not(CT)),
    ("not not modality:CT", CT),
    ("not *", Not(ALL)),
    ("not contrast:*", Not(has("contrast"))),
    ("modality:CT AND Not contrast:*", And((CT, Not(has("contrast"))))),
    ("lung or liver", Or((Text("lung"), Text("liver")))),
    ("lung or liver modality:CT", Or((Text("lung"), And((Text("liver"), CT))))),
    ("(lung or liver) modality:CT", And((Or((Text("lung"), Text("liver"))), CT))),
    ("((((modality:CT))))", CT),
    ("subject with (modality:CT)", Having("subject", CT)),
    ("Patients with (modality:CT modality:MR)", Having("subject", And((CT, MR)))),
    ("study has (modality:CT)", Having("study", CT)),
    ("not study with (modality:CT)", Not(Having("study", CT))),
    ("study without (modality:CT)", Not(Having("study", CT))),
    ("subject with (study with (modality:CT))", Having("subject", Having("study", CT))),
    ("chest study with (modality:CT)", And((Text("chest"), Having("study", CT)))),
    ("study with contrast", Text("study with contrast")),
    ("not subject with contrast", And((Not(Text("subject")), Text("with contrast")))),
    (
        "subject with (modality:CT) and subject with (modality:MR) and time-points>=2",
        And((Having("subject", CT), Having("subject", MR), between("time-points", "2", ""))),
    ),
]


@pytest.mark.parametrize(("text", "tree"), FORMS)
def test_a_text_means_its_tree(text, tree):
    assert read(text) == tree


@pytest.mark.parametrize(("text", "tree"), FORMS)
def test_what_a_text_means_is_written_so_that_it_means_the_same(text, tree):
    assert read(write(tree)) == tree


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (ALL, ""),
        (Or(()), "not *"),
        (And((CT, Text("chest"))), "modality:CT chest"),
        (And((CT, Or((Text("a"), Text("b"))))), "modality:CT and (a or b)"),
        (Or((And((CT, Text("a"))), MR)), "(modality:CT a) or modality:MR"),
        (Not(CT), "modality!=CT"),
        (Not(asks("modality", "CT", "MR")), "modality!=(CT or MR)"),
        (Not(has("contrast")), "not contrast:*"),
        (asks("modality", "ct"), "modality:=ct"),
        (asks("description", "a*"), "description:=a*"),
        (asks("description", "none"), 'description:"none"'),
        (asks("description", ""), "description:none"),
        (asks("description", 'say "x" \\'), r'description:"say \"x\" \\"'),
        (between("slice-thickness", "1", "2.5"), "slice-thickness:1..2.5mm"),
        (read("slice-thickness<1.5"), "slice-thickness<1.5mm"),
        (read("not slice-thickness<1.5"), "not slice-thickness<1.5mm"),
        (read("lung or size>=2000000"), "lung or size>=2MB"),
        (asks("GEMS_ACQU_01|0019xx02", "5"), '"GEMS_ACQU_01".0019xx02:5'),
        (Having("subject", And((CT, MR))), "subject with (modality:CT modality:MR)"),
        (Text("a:b and c"), '"a:b" "and" c'),
        (And((Text("study with"), CT)), "study with and modality:CT"),
    ],
)
def test_a_tree_is_written_readably(tree, text):
    assert write(tree) == text
    assert read(text) == normalised(tree)


_LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_VALUES = st.one_of(
    st.sampled_from(
        ["none", "or", "*", "a b", "=x", "<5", "x*", '"', "\\", "1..2", "(a)", "a,b", "“q”", "5 mm", "-", " a"]
    ),
    st.text(_LETTERS, min_size=1, max_size=12),
)
_WORDS = st.one_of(
    st.sampled_from(
        ["and", "with", "study", "subject", "not", "-x", "-", "..5", "m", "mm", "nod*", "*", "a*b", "a:b", '"']
    )
    | st.sampled_from(["has", "OR", "<5", "“", "≤", "a(b", "5", "patients", "without"]),
    st.text(_LETTERS, max_size=6),
)
_NUMBERS = st.decimals(-9999, 9999, places=3).map(str) | st.integers(0, 10**12).map(str)
_DAYS = st.dates().map(lambda day: day.isoformat())
_TEXT_FIELDS = st.sampled_from(
    ["modality", "body-part", "description", "sex", "subject", "My maker|0099xx01.CodeValue"]
)
_NUMBER_FIELDS = st.sampled_from(
    ["slice-thickness", "rows", "size", "time-points", "kvp", "EchoTime", "DiffusionBValue"]
)


def _few_stars(text):
    return text.count("*") <= 8


def _ends(values):
    return st.tuples(values | st.just(""), values | st.just(""))


_LEAVES = st.one_of(
    st.builds(Text, st.lists(_WORDS, max_size=4).map(" ".join), st.booleans()),
    st.builds(lambda name, values: asks(name, *values), _TEXT_FIELDS, st.lists(_VALUES | st.just(""), max_size=3)),
    st.builds(like, _TEXT_FIELDS, _VALUES.filter(_few_stars)),
    st.builds(has, _TEXT_FIELDS | _NUMBER_FIELDS),
    st.builds(empty, _TEXT_FIELDS | _NUMBER_FIELDS),
    st.builds(lambda name, values: asks(name, *values), _NUMBER_FIELDS, st.lists(_NUMBERS, min_size=1, max_size=3)),
    st.builds(lambda name, ends: between(name, *ends), _NUMBER_FIELDS, _ends(_NUMBERS)),
    st.builds(lambda day: asks("study-date", day), _DAYS),
    st.builds(lambda ends: between("study-date", *ends), _ends(_DAYS)),
    st.builds(lambda sign, number: read(f"rows{sign}{number}"), st.sampled_from(["<", ">"]), st.integers(0, 99)),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda parts: And(tuple(parts)), st.lists(inner, max_size=4)),
        st.builds(lambda parts: Or(tuple(parts)), st.lists(inner, max_size=4)),
        st.builds(Not, inner),
        st.builds(Having, st.sampled_from(["subject", "study"]), inner),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(_TREES)
def test_reading_what_was_written_gives_the_normal_form(tree):
    assert read(write(tree)) == normalised(tree)
    assert normalised(normalised(tree)) == normalised(tree)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(_WORDS | st.sampled_from(["(", ")", "modality:", "rows<", "..", "mm", "or", "kvp:(", "1", "study with ("]))
)
def test_any_text_is_read_or_refused_within_itself(words):
    text = " ".join(words)
    try:
        tree = read(text)
    except BadQuery as fault:
        assert 0 <= fault.start <= fault.end <= len(text)
        assert 0 < len(fault.message) <= 300
    else:
        assert read(write(tree)) == tree


@pytest.mark.parametrize(
    ("text", "word", "kind", "told"),
    [
        ("chest modalty:CT", "modalty", "search.unknown-field", "Did you mean modality"),
        ("see T1:post", "T1", "search.unknown-field", 'stands in "quotes"'),
        (
            "AnatomicRegionSequense.CodeMeaning:x",
            "AnatomicRegionSequense.CodeMeaning",
            "search.unknown-field",
            "no field",
        ),
        ("PixelData:1", "PixelData", "search.unknown-field", "holds bytes"),
        ("00191002:1", "00191002", "search.unknown-field", "with its creator"),
        ("slice-thickness<5kg", "5kg", "search.wrong-unit", "um, mm, cm, m"),
        ("slice-thickness<5 kg chest", "5 kg", "search.wrong-unit", "um, mm, cm, m"),
        ("rows:512px", "512px", "search.wrong-unit", "no unit"),
        ("rows:many", "many", "search.bad-value", "wants a number"),
        ("rows:..", "..", "search.bad-value", "lower end"),
        ("rows<1..2", "1..2", "search.bad-value", "one number"),
        ("rows>none", "none", "search.bad-value", "one number"),
        ("modality>CT", "CT", "search.bad-value", "compares numbers and dates"),
        ("modality<(CT or MR)", "(", "search.syntax", "not a list"),
        ("study-date:31.12.2005", "31.12.2005", "search.bad-value", "2024-01-31"),
        ("study-date:2005-13", "2005-13", "search.bad-value", "2024-01-31"),
        ("study-date:２００５", "２００５", "search.bad-value", "2024-01-31"),
        ("study-date>9999-12-31", "9999-12-31", "search.bad-value", "no day"),
        ("study-date:..", "..", "search.bad-value", "first day"),
        ("series:1.2.*", "1.2.*", "search.bad-value", "whole UID"),
        ("SourceImageSequence:5", "5", "search.bad-value", "is a sequence"),
        ("description:*a*b*c*d*e*f*g*h*i", "*a*b*c*d*e*f*g*h*i", "search.bad-value", "8 stars"),
        ("modality:CT,MR", "CT,MR", "search.syntax", "(CT or MR)"),
        ("kvp:1,5", "1,5", "search.syntax", "decimal point is a dot"),
        ("body-part:(lower leg or arm)", "leg", "search.syntax", "quotes"),
        ("modality:(CT and MR)", "and", "search.syntax", "Write or between"),
        ("modality:(or CT)", "or", "search.syntax", "with or between"),
        ("modality:(CT", "(", "search.syntax", "not closed"),
        ("modality:()", ")", "search.syntax", "A value is expected"),
        ("modality: ", "modality:", "search.syntax", "A value is expected"),
        ("(modality:)", "modality:", "search.syntax", "A value is expected"),
        ('description:T1"post"', 'T1"', "search.syntax", "Put quotes around"),
        ("description:T1(post)", "T1(", "search.syntax", "Put quotes around"),
        ('"a"b', '"a"', "search.syntax", "Put a space"),
        ('chest "ground glass', '"', "search.syntax", "not closed"),
        ('""', '""', "search.syntax", "A phrase has"),
        ("(chest or lung", "(", "search.syntax", "not closed"),
        ("chest)", ")", "search.syntax", "closes nothing"),
        ("a ()", "()", "search.syntax", "A term is missing"),
        ("chest and", "and", "search.syntax", "missing behind"),
        ("chest and and lung", "and", "search.syntax", "missing behind"),
        ("and chest", "and", "search.syntax", "between two terms"),
        ("chest or", "or", "search.syntax", "missing behind"),
        ("or chest", "or", "search.syntax", "missing before"),
        ("chest or or lung", "or", "search.syntax", "missing behind"),
        ("chest not", "not", "search.syntax", "missing behind"),
        ("not and chest", "not", "search.syntax", "missing behind"),
        ("not or chest", "not", "search.syntax", "missing behind"),
        ("<5", "<", "search.syntax", "behind the name of a field"),
        ("*tum", "*tum", "search.syntax", "at an end"),
        ("tum*r", "tum*r", "search.syntax", "at an end"),
        ("subject with modality:CT", "modality:", "search.syntax", "Put brackets around"),
        ("a\0b", "\0", "search.syntax", "This character"),
        ("a\ud800", "\ud800", "search.syntax", "This character"),
    ],
)
def test_a_fault_points_at_the_word_and_says_what_was_expected(text, word, kind, told):
    with pytest.raises(BadQuery) as caught:
        read(text)
    fault = caught.value
    assert text[fault.start : fault.end] == word
    assert fault.kind == kind
    assert told in fault.message
    assert (fault.facts["start"], fault.facts["end"]) == (fault.start, fault.end)


def test_no_value_stands_in_a_message():
    for text in (
        "rows:Smith",
        "study-date:Smith",
        "series:Smith*",
        "slice-thickness:5Smith",
        "rows<Smith..Jones",
        "modality>Smith",
    ):
        with pytest.raises(BadQuery) as caught:
            read(text)
        assert "Smith" not in caught.value.message


def test_a_text_at_its_bounds_is_read_and_one_beyond_is_refused():
    assert read("a" * LONGEST_TEXT) == Text("a" * LONGEST_TEXT)
    assert len(read("a " * MOST_TERMS).text.split()) == MOST_TERMS
    assert len(read(f"rows:({' or '.join(map(str, range(MOST_TERMS)))})").values) == MOST_TERMS
    assert read("(" * DEEPEST + "a" + ")" * DEEPEST) == Text("a")
    for text, kind, start in (
        ("a" * (LONGEST_TEXT + 1), "search.too-long", LONGEST_TEXT),
        ("a " * (MOST_TERMS + 1), "search.too-many-terms", 2 * MOST_TERMS),
        (f"rows:({' or '.join(map(str, range(MOST_TERMS + 1)))})", "search.too-many-terms", None),
        ("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1), "search.too-deep", DEEPEST),
    ):
        with pytest.raises(BadQuery) as caught:
            read(text)
        assert caught.value.kind == kind
        assert start is None or caught.value.start == start


def test_the_deepest_text_is_written_again():
    text = "a"
    for number in range(DEEPEST // 2):
        text = f"x{number} or rows:5 and not (y or study with ({text}))"
    tree = read(text)
    assert read(write(tree)) == tree


def test_a_tree_that_no_text_can_hold_is_refused():
    tree = CT
    for _ in range(5000):
        tree = Having("subject", tree)
    with pytest.raises(BadQuery, match="inside each other"):
        write(tree)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "(",
            ")",
            '"',
            "not ",
            "-",
            "a:",
            "a ",
            "a",
            " ",
            "a.",
            '"a',
            "\\",
            '"\\',
            "modality:(a or ",
            "and ",
            "or ",
            "(a or ",
        ),
        *(
            "subject with (",
            "study with ",
            "subject ",
            "modality:CT or ",
            "rows:1 .. ",
            "rows:1 1..",
            "not (",
            "1",
            "<",
            "*",
        ),
        *(
            '"a b".',
            "(0018,",
            "a*",
            "modality:*a",
            'a "b" ',
            '"CREATOR".0019',
            "1 mm ",
            "kvp:1 mm..",
            "x<y>z=",
            "“",
            "≤",
            "a-",
        ),
    ],
)
def test_a_hostile_text_is_answered_at_once(piece):
    text = (piece * LONGEST_TEXT)[:LONGEST_TEXT]
    begun = time.process_time()
    try:
        read(text)
    except BadQuery as fault:
        assert 0 <= fault.start <= fault.end <= len(text)
        assert len(fault.message) <= 300
    assert time.process_time() - begun < 0.4


def test_a_mistyped_name_is_answered_fast():
    with pytest.raises(BadQuery):
        read("first:1")
    begun = time.process_time()
    for number in range(10):
        with pytest.raises(BadQuery):
            read(f"SharedFunctionalGroupsSequencx{number}:1")
    assert (time.process_time() - begun) / 10 < 0.04


@pytest.mark.parametrize("text", [one.text for one in examples()])
def test_each_example_of_the_guide_is_read(text):
    assert read(write(read(text))) == read(text)
