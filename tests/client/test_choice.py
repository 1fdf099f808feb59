"""What people have in hand, resolved into series."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from invivo.archive import Archive as Installation
from invivo.client import Archive, address_of_doi, base_of, choose, pairs_of, read_list
from invivo.errors import Invalid
from tests.factories import make_collection, make_series, publish


@pytest.fixture
def asked(archive: Installation, port: int) -> Iterator[Archive]:
    publish(archive, make_collection(archive), make_series(2, patient="A") + make_series(2, patient="B"))
    publish(archive, make_collection(archive, "BRAIN"), make_series(1, patient="C", Modality="MR"))
    with Archive(f"http://127.0.0.1:{port}") as made:
        yield made


def chosen(asked: Archive, *what: str) -> list[str]:
    return sorted(choose(asked, what).series_uids)


def test_addresses_of_pages_name_what_they_show(asked: Archive) -> None:
    base = str(asked.http.base_url)
    lungs = sorted(asked.search(collection="LUNG-1"))
    row = next(asked.rows([("series", lungs[0])]))
    assert chosen(asked, f"{base}/series/{lungs[0]}") == [lungs[0]]
    assert chosen(asked, f"{base}/series/{lungs[0]}/package.zip") == [lungs[0]]
    assert chosen(asked, f"{base}/studies/{row['study_uid']}") == [lungs[0]]
    assert chosen(asked, f"{base}/collections/LUNG-1") == lungs
    assert chosen(asked, f"{base}/collections/LUNG-1/data") == lungs
    assert chosen(asked, f"{base}/collections/LUNG-1/releases/1") == lungs
    assert chosen(asked, f"{base}/collections/LUNG-1/subjects/{row['subject']}") == [lungs[0]]
    assert chosen(asked, f"{base}/search?q=modality:CT") == lungs


def test_queries_and_uids_may_stand_together(asked: Archive) -> None:
    brain = asked.search(modality="MR")
    assert chosen(asked, *brain, "modality:CT") == sorted([*brain, *asked.search("modality:CT")])


@pytest.mark.parametrize("path", ["/about", "/", "/figures", "/series"])
def test_an_address_of_nothing_is_refused(asked: Archive, path: str) -> None:
    with pytest.raises(Invalid, match="names no series"):
        chosen(asked, f"{asked.http.base_url}{path}")


def test_the_archive_of_an_address_is_asked() -> None:
    assert base_of(["x", "http://here:1/series/1.2.3"], "http://else") == "http://here:1"
    assert base_of(["x"], "http://else") == "http://else"


def test_pairs_and_words_are_told_apart() -> None:
    assert pairs_of(["collection=A", "chest age>60", "modality:CT"]) == [
        ("collection", "A"),
        ("q", "chest age>60 modality:CT"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"1.2.3\n1.2.4\n",
        b"manifestVersion=3.0\nListOfSeriesToDownload=\n1.2.3\n1.2.4\n",
        b"\xef\xbb\xbfSeries UID,x\n1.2.3,y\n1.2.4,\n",
        b'series_uid,code,reason\n1.2.3,client.refused,"no, sorry"\n1.2.4,,\n',
        b"http://here/series/1.2.3/package.zip\nhttp://here/series/1.2.4/package.zip\n",
    ],
)
def test_manifests_of_all_forms_are_read(content: bytes) -> None:
    assert read_list(content) == ["1.2.3", "1.2.4"]


@pytest.mark.parametrize("content", [b"<!doctype html><html>", b"\xff\xfe\x00\x01", b"not a uid\n"])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        read_list(content)


def test_a_choice_is_weighed_with_reasons(asked: Archive, archive: Installation) -> None:
    publish(archive, make_collection(archive, "CLOSED", access="controlled"), make_series(1))
    closed = asked.search(collection="CLOSED")
    weight = asked.weigh(asked.choose([*asked.search(modality="CT"), "1.2.3.99"]))
    assert (weight.series_count, weight.instance_count) == (2, 4)
    assert sum(weight.licences.values()) == 2
    assert {one.series_uid for one in weight.barred} == {*closed, "1.2.3.99"}
    assert "approval" in next(one.reason for one in weight.barred if one.series_uid in closed)


class _Resolver(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.path == "/10.5072/abc"
        self.send_response(302 if known else 404 if self.path.startswith("/10.") else 200)
        if known:
            self.send_header("Location", "/collections/LUNG-1/releases/2")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Be silent."""


@contextmanager
def resolver() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Resolver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_doi_leads_to_its_landing_page() -> None:
    with resolver() as base:
        found = {
            address_of_doi(text, base) for text in ("10.5072/abc", "doi:10.5072/abc", "https://doi.org/10.5072/abc")
        }
        assert found == {f"{base}/collections/LUNG-1/releases/2"}
        with pytest.raises(Invalid, match="404"):
            address_of_doi("10.5072/none", base)
    assert address_of_doi("modality:CT") is None


def test_a_manifest_that_is_missing_is_told(asked: Archive, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no manifest"):
        chosen(asked, str(tmp_path / "x.tcia"))
