"""QIDO-RS: recorded requests of OHIF, dicomweb-client and dicomtrolley, and what the standard demands."""

from datetime import date
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from tests import factories

from invivo import collections, releases, search
from invivo.protocols.dicomweb import queries

STUDY = "00080005 00080020 00080030 00080050 00080056 00080061 00080090 00080201 00081190 00100010 00100020 00100030 00100040"
STUDY += " 0020000D 00200010 00201206 00201208"
SERIES = "00080060 00080201 0008103E 00081190 0020000D 0020000E 00200011 00201209 00400244 00400245 00400275"
INSTANCE = "00080016 00080018 00080056 0020000D 0020000E 00200013 00280008 00280010 00280011 00280100"


def values(answer, tag):
    return [row[tag].get("Value", [None])[0] for row in answer.json()]


@pytest.mark.parametrize(
    ("path", "tags"),
    [("/studies", STUDY), ("/series", SERIES), ("/instances", INSTANCE)],
    ids=["study", "series", "instance"],
)
def test_every_required_attribute_is_given_even_when_empty(web, path, tags):
    answer = web.get(f"/dicom-web{path}", "application/dicom+json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    for row in answer.json():
        assert set(tags.split()) <= set(row)


def test_ohifs_study_list_is_answered_with_every_visible_study(web, released):
    url = "/dicom-web/studies?limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030"
    answer = web.get(url, "application/dicom+json")
    assert answer.status_code == 200
    assert len(answer.json()) == len(released.series)


def test_a_wildcard_arrives_percent_encoded_and_is_decoded(web, released):
    label = released.series["SLICES"].subject
    answer = web.get(f"/dicom-web/studies?00100020=%2A{label[2:-2]}%2A")
    assert values(answer, "00100020") == [label]


def test_names_of_patients_are_compared_without_case(web, released):
    label = released.series["SLICES"].subject
    assert values(web.get(f"/dicom-web/studies?PatientName=*{label[-6:].lower()}*"), "00100020") == [label]


def test_modalities_of_a_study_are_alternatives_separated_by_commas(web):
    answer = web.get("/dicom-web/studies?ModalitiesInStudy=CT,MR")
    assert set(values(answer, "00080061")) == {"CT", "MR"}


@pytest.mark.parametrize("separator", [",", "%5C"])
def test_a_list_of_uids_finds_each_of_them(web, released, separator):
    uids = {released.series["CT"].study_uid, released.series["MR"].study_uid}
    answer = web.get(f"/dicom-web/studies?StudyInstanceUID={separator.join(uids)}")
    assert set(values(answer, "0020000D")) == uids


@pytest.mark.parametrize(
    ("sides", "expected"), [("{0}-{0}", True), ("{0}-", True), ("-{0}", True), ("19000101-19000102", False)]
)
def test_a_range_of_dates_takes_in_both_ends(web, released, sides, expected):
    row = released.series["SLICES"]
    day = row.study_date.strftime("%Y%m%d")
    answer = web.get(f"/dicom-web/studies?StudyDate={sides.format(day)}&StudyInstanceUID={row.study_uid}")
    assert bool(answer.json()) is expected


def test_a_range_of_times_takes_in_the_whole_of_its_last_minute(web, released):
    row = released.series["SLICES"]
    assert values(web.get(f"/dicom-web/studies?StudyTime=1000-1011&StudyInstanceUID={row.study_uid}"), "00080030") == [
        "101112"
    ]
    assert web.get(f"/dicom-web/studies?StudyTime=1000-1010&StudyInstanceUID={row.study_uid}").json() == []


def test_nothing_found_is_an_empty_array(web):
    answer = web.get("/dicom-web/studies?PatientID=nobody")
    assert (answer.status_code, answer.json()) == (200, [])


def test_an_unknown_study_has_no_series_and_is_no_error(web):
    assert web.get("/dicom-web/studies/1.2.3/series").json() == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("NoSuchKeyword=1", "NoSuchKeyword"),
        ("PatientBirthDate=born", "PatientBirthDate"),
        ("PatientID.StudyInstanceUID=1.2", "00100020"),
        ("ReferencedStudySequence=1.2", "ReferencedStudySequence"),
        ("NumberOfStudyRelatedSeries=1", "NumberOfStudyRelatedSeries"),
        ("AcquisitionTime=noon-", "AcquisitionTime"),
        ("fuzzymatching=perhaps", "fuzzymatching"),
        ("StudyDate=yesterday", "StudyDate"),
        ("StudyDate=-", "StudyDate"),
        ("SeriesNumber=two", "SeriesNumber"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("offset=99999999999", "offset"),
        ("PatientID=%00", "PatientID"),
    ],
)
def test_what_cannot_be_asked_is_named_in_a_problem(web, query, named):
    answer = web.get(f"/dicom-web/studies?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]


def test_a_malformed_uid_of_the_address_is_a_bad_request(web):
    assert web.get("/dicom-web/studies/abc/series").json()["code"] == "dicomweb.bad-uid"


def test_paging_gives_every_study_once_and_warns_while_there_are_more(web, released):
    seen = []
    for offset in range(0, len(released.series) + 2, 2):
        answer = web.get(f"/dicom-web/studies?limit=2&offset={offset}")
        assert ("warning" in answer.headers) is (offset + 2 < len(released.series))
        seen += values(answer, "0020000D")
    assert sorted(seen) == sorted({row.study_uid for row in released.series.values()})


def test_a_limit_of_zero_gives_nothing_and_warns(web):
    answer = web.get("/dicom-web/studies?limit=0")
    assert answer.json() == []
    assert answer.headers["warning"].startswith("299 ")


def test_the_series_of_a_study_have_addresses_below_the_public_one(web, released):
    row = released.series["SLICES"]
    answer = web.get(
        f"/dicom-web/studies/{row.study_uid}/series?includefield=0008103E,00080021", headers={"Host": "127.0.0.1"}
    )
    assert values(answer, "0020000E") == [row.series_uid]
    root = f"{released.archive.settings.public_url}/dicom-web"
    assert values(answer, "00081190") == [f"{root}/studies/{row.study_uid}/series/{row.series_uid}"]


def test_instances_are_found_at_every_form_of_address(web, released):
    row = released.series["SLICES"]
    whole = values(web.get(f"{released.address('SLICES')}/instances"), "00080018")
    assert len(whole) == 5
    assert values(web.get(f"/dicom-web/studies/{row.study_uid}/instances"), "00080018") == whole
    assert values(web.get(f"/dicom-web/instances?SeriesInstanceUID={row.series_uid}"), "00080018") == whole
    assert values(web.get(f"/dicom-web/instances?SOPInstanceUID={whole[2]}"), "00080018") == [whole[2]]


def test_instances_are_matched_by_number_and_paged(web, released):
    address = f"{released.address('SLICES')}/instances"
    assert values(web.get(f"{address}?InstanceNumber=3"), "00200013") == [3]
    page = web.get(f"{address}?limit=2&offset=1")
    assert values(page, "00200013") == [2, 3]
    assert "warning" in page.headers
    assert "warning" not in web.get(f"{address}?limit=2&offset=3").headers


def test_includefield_gives_attributes_of_the_header_of_an_instance(web, released):
    address = f"{released.address('SLICES')}/instances"
    assert "00200032" not in web.get(address).json()[0]
    assert web.get(f"{address}?includefield=ImagePositionPatient").json()[1]["00200032"]["Value"] == [0, 0, 10]
    everything = web.get(f"{address}?includefield=all").json()[0]
    assert "00281050" in everything or "00281052" in everything
    assert "7FE00010" not in everything


def test_a_study_is_found_by_an_instance_in_it(web, released):
    row = released.series["SLICES"]
    answer = web.get(f"/dicom-web/studies?SOPInstanceUID={row.cover_uid}")
    assert values(answer, "0020000D") == [row.study_uid]
    assert values(answer, "00201208") == [5]


def test_what_belongs_to_instances_finds_the_studies_that_hold_one(web, released):
    found = values(web.get("/dicom-web/studies?InstanceNumber=5"), "0020000D")
    assert released.series["SLICES"].study_uid in found
    assert released.series["CT"].study_uid not in found


def test_instances_of_the_whole_archive_are_paged_without_loss(web, released):
    total = sum(row.instance_count for row in released.series.values())
    seen = []
    for offset in range(0, total + 4, 4):
        seen += values(web.get(f"/dicom-web/instances?limit=4&offset={offset}"), "00080018")
    assert len(seen) == len(set(seen)) == total


def test_instances_are_found_by_class_in_the_whole_archive(web, released):
    found = web.get(
        "/dicom-web/instances?SOPClassUID=1.2.840.10008.5.1.4.1.1.88.33,1.2.840.10008.5.1.4.1.1.481.2"
    ).json()
    assert {row["0020000E"]["Value"][0] for row in found} <= {
        released.series[name].series_uid for name in ("SR", "IMPLICIT")
    }
    assert released.series["IMPLICIT"].series_uid in {row["0020000E"]["Value"][0] for row in found}


def test_a_question_that_looks_through_too_much_is_refused(web, monkeypatch):
    monkeypatch.setattr(queries, "MOST_HEADERS", 2)
    answer = web.get("/dicom-web/instances?ImageType=ORIGINAL")
    assert (answer.status_code, answer.json()["code"]) == (413, "dicomweb.too-broad")


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("ImageType=AXIAL", True),
        ("00080008=AXIAL", True),
        ("ImageType=SAG*", False),
        ("ImageType=AX*", True),
        ("WindowCenter=40", False),
        ("RescaleIntercept=-1024.0", True),
        ("RescaleIntercept=-1023", False),
        ("AcquisitionNumber=1", True),
        ("PositionReferenceIndicator=%22%22&emptyvaluematching=true", True),
        ("PatientComments=%22%22", True),
        ("ImageType=%22%22", False),
        ("ImageType=%22%22&emptyvaluematching=false", False),
        ("ImageType=NONE%5CAXIAL&multiplevaluematching=true", True),
        ("ImageType=NONE%5CAXIAL&multiplevaluematching=false", False),
        ("00091001=x", False),
    ],
)
@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_attributes_without_a_column_are_looked_for_in_headers(web, released, level, query, finds):
    answer = web.get(f"/dicom-web/{level}?StudyInstanceUID={released.series['SLICES'].study_uid}&{query}")
    assert answer.status_code == 200
    assert len(answer.json()) == (0 if not finds else 5 if level == "instances" else 1)


def test_matches_of_headers_are_paged_like_others(web, released):
    address = f"{released.address('SLICES')}/instances?ImageType=AXIAL"
    first, rest = web.get(f"{address}&limit=2"), web.get(f"{address}&limit=5&offset=2")
    assert "warning" in first.headers
    assert "warning" not in rest.headers
    assert len({*values(first, "00080018"), *values(rest, "00080018")}) == 5


@pytest.fixture(scope="module")
def planned(released):
    """One more series, with attributes inside sequences and a moment."""
    step, item = Dataset(), Dataset()
    step.ScheduledProcedureStepID, step.ScheduledProcedureStepDescription = "STEP-1", "a step"
    item.ReferencedSOPInstanceUID = "1.2.3.4.5"
    known = factories.make_collection(released.archive, "PLANNED-1")
    content = factories.make_image(
        patient="PL",
        RequestAttributesSequence=[step],
        ReferencedImageSequence=[item],
        AcquisitionDate="20200102",
        AcquisitionTime="120000",
    )
    factories.publish(released.archive, known, [content])
    query = search.parse_pairs([("collection", "PLANNED-1")])
    (row,) = search.find(released.archive, factories.SYSTEM, query).rows
    yield row
    _withdraw(released, "PLANNED-1")


@pytest.mark.parametrize("path", ["ReferencedImageSequence.ReferencedSOPInstanceUID", "00081140.00081155"])
def test_attributes_inside_sequences_are_asked_and_given_by_their_path(web, planned, path):
    known = f"/dicom-web/instances?StudyInstanceUID={planned.study_uid}&includefield={path}"
    given = web.get(known).json()[0]["00081140"]["Value"][0]
    assert set(given) == {"00081155"}
    uid = given["00081155"]["Value"][0]
    assert len(web.get(f"{known}&{path}={uid}").json()) == 1
    assert web.get(f"{known}&{path}=1.2.3").json() == []


@pytest.mark.parametrize(
    ("dates", "times", "finds"),
    [
        ("20200101-20200103", "1400-1500", True),
        ("20200102-20200103", "1400-1500", False),
        ("20200101-20200102", "1400-1000", False),
        ("20200101-20200102", "1400-1012", True),
        ("20200102-", "1000-", True),
    ],
)
def test_a_range_of_dates_with_one_of_times_is_one_range_of_moments(web, released, dates, times, finds):
    """The study is of 2 January 2020, 10:11:12."""
    uid = released.series["SLICES"].study_uid
    day = released.series["SLICES"].study_date
    moved = "-".join(
        (date.fromisoformat(one) + (day - date(2020, 1, 2))).strftime("%Y%m%d") if one else ""
        for one in dates.split("-")
    )
    answer = web.get(f"/dicom-web/studies?StudyInstanceUID={uid}&StudyDate={moved}&StudyTime={times}")
    assert bool(answer.json()) is finds


def test_includefield_of_a_study_is_taken_from_one_of_its_headers(web, released):
    uid = released.series["SLICES"].study_uid
    plain = web.get(f"/dicom-web/studies?StudyInstanceUID={uid}").json()[0]
    assert "00120062" not in plain
    (named,) = web.get(f"/dicom-web/studies?StudyInstanceUID={uid}&includefield=PatientIdentityRemoved").json()
    assert named["00120062"]["Value"] == ["YES"]
    (whole,) = web.get(f"/dicom-web/studies?StudyInstanceUID={uid}&includefield=all").json()
    assert "00120062" in whole
    assert "00280010" not in whole
    (shown,) = web.get(f"/dicom-web/studies?StudyInstanceUID={uid}&includefield=00080060").json()
    assert shown["00080060"]["Value"] == ["CT"]


def test_names_nearly_as_asked_are_found_when_fuzzymatching_is_asked(web, released):
    label = released.series["SLICES"].subject
    wrong = label[:-1] + ("0" if label[-1] != "0" else "1")
    assert web.get(f"/dicom-web/studies?PatientName={wrong}").json() == []
    near = web.get(f"/dicom-web/studies?PatientName={wrong}&fuzzymatching=true")
    assert label in values(near, "00100020")
    assert "warning" not in near.headers


def test_a_name_and_a_birth_date_are_those_of_the_subject_where_they_are_kept(web, released):
    row = released.series["MR"]
    with released.archive.database.transaction() as tx:
        tx.execute(
            "update subjects.subject set name = 'Doe^Jane', birth_date = '1970-01-31' where label = %s", [row.subject]
        )
    found = web.get("/dicom-web/studies?PatientName=doe^*&PatientBirthDate=19700101-19701231")
    assert row.study_uid in values(found, "0020000D")
    assert set(values(found, "00100020")) == {row.subject}
    assert found.json()[0]["00100010"]["Value"] == [{"Alphabetic": "Doe^Jane"}]
    assert found.json()[0]["00100030"]["Value"] == ["19700131"]


def test_results_are_given_as_xml_a_part_each(web, released):
    answer = web.get("/dicom-web/studies?limit=3", 'multipart/related; type="application/dicom+xml"')
    assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom+xml"')
    assert answer.content.count(b"<NativeDicomModel") == 3
    nothing = web.get("/dicom-web/studies?PatientID=nobody", 'multipart/related; type="application/dicom+xml"')
    assert (nothing.status_code, nothing.content) == (204, b"")


def test_instances_of_the_whole_archive_come_with_their_study(web, released):
    uid = released.series["CT"].cover_uid
    (alone,) = web.get(f"/dicom-web/instances?SOPInstanceUID={uid}").json()
    assert {"00100020", "00080060", "0020000D"} <= set(alone)


def test_what_is_asked_of_series_does_not_change_the_totals_of_a_study(web, released):
    factories.publish(
        released.archive,
        factories.make_collection(released.archive, "TWO-1"),
        factories.make_series(2, study="1.2.3.4", patient="T")
        + factories.make_series(1, study="1.2.3.4", patient="T", Modality="MR"),
    )
    answer = web.get("/dicom-web/studies?00120020=TWO-1&ModalitiesInStudy=MR")
    try:
        (study,) = answer.json()
        assert study["00080061"]["Value"] == ["CT", "MR"]
        assert study["00201206"]["Value"] == [2]
        assert study["00201208"]["Value"] == [3]
    finally:
        _withdraw(released, "TWO-1")


def _withdraw(released, name):
    known = collections.collection_named(released.archive, factories.SYSTEM, name)
    query = search.parse_pairs([("collection", name)])
    for row in search.find(released.archive, factories.SYSTEM, query).rows:
        releases.withdraw(released.archive, factories.SYSTEM, known.id, row.series_uid, "other", "end of a test")


@pytest.mark.parametrize(
    "accept", ["application/dicom+json", "application/json", "*/*", "application/dicom+json, application/json", None]
)
def test_json_is_given_to_whoever_accepts_it(web, accept):
    assert web.get("/dicom-web/studies?limit=1", accept).status_code == 200


def test_a_form_that_is_not_there_is_not_acceptable(web):
    answer = web.get("/dicom-web/studies", "text/csv")
    assert (answer.status_code, answer.json()["code"]) == (406, "request.not-acceptable")


def test_a_private_collection_is_never_found(web, released):
    hidden = factories.make_collection(released.archive, "HIDDEN-1", access="private")
    factories.publish(released.archive, hidden, factories.make_series(1, patient="H"))
    try:
        assert web.get("/dicom-web/studies?00120020=HIDDEN-1").json() == []
        assert len(web.get("/dicom-web/studies?00120020=HIDDEN-1", actor=factories.SYSTEM).json()) == 1
    finally:
        _withdraw(released, "HIDDEN-1")


NAMES = ["PatientName", "StudyDate", "StudyTime", "00080060", "ImageType", "ContentDate", "AcquisitionDateTime", "Rows"]
NAMES += [
    "RequestAttributesSequence.ScheduledProcedureStepID",
    "00091002",
    "includefield",
    "limit",
    "offset",
    "InstanceNumber",
]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    level=st.sampled_from(["studies", "series", "instances"]),
    pairs=st.lists(st.tuples(st.sampled_from(NAMES), st.text('0129-*?\\,.^"[]ä\x00 +', max_size=16)), max_size=4),
    is_fuzzy=st.booleans(),
)
def test_whatever_is_asked_is_answered_or_refused(web, level, pairs, is_fuzzy):
    query = urlencode([*pairs, ("fuzzymatching", str(is_fuzzy).lower())])
    assert web.get(f"/dicom-web/{level}?{query}").status_code in (200, 400, 413)
