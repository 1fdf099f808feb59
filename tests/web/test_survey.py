"""The survey's pages read, compare, refuse what they do not know, and need no script."""

import asyncio
import csv
import io
import re

import httpx
import pytest
from starlette.applications import Starlette

from invivo.web import render, survey


class Client:
    """Asks an application without a server."""

    def __init__(self, application: Starlette) -> None:
        self.application = application

    def get(self, address: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            wire = httpx.ASGITransport(app=self.application)
            async with httpx.AsyncClient(transport=wire, base_url="http://testserver") as client:
                return await client.get(address)

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(Starlette(routes=[*survey.routes, render.static_mount()]))


def test_the_comparison_shows_every_archive_and_every_row(client: Client) -> None:
    page = client.get("/survey")
    assert page.status_code == 200
    assert page.text.count("<tr") == 1 + 18
    assert page.text.count("<td data-system") == 13 * 18
    assert "13 archives, 18 rows" in page.text


def test_a_choice_of_systems_and_rows_is_shown_and_kept_in_the_form_and_the_files(client: Client) -> None:
    page = client.get("/survey?kind=archives&system=tcia&system=ndar&row=helpdesk")
    assert page.text.count("<td data-system") == 2
    assert re.findall(r'value="(\w+)" checked', page.text) == ["tcia", "ndar", "helpdesk"]
    assert "/survey.csv?kind=archives&amp;system=tcia&amp;system=ndar&amp;row=helpdesk" in page.text


def test_only_differences_leaves_out_the_rows_that_agree(client: Client) -> None:
    page = client.get("/survey?kind=software&differences=only")
    assert "Role Based Security</th>" not in page.text
    assert "License</th>" in page.text


def test_nothing_that_differs_is_an_answer_with_a_next_step(client: Client) -> None:
    page = client.get("/survey?kind=software&system=xnat&differences=only")
    assert page.status_code == 200
    assert "Nothing differs" in page.text


def test_a_lost_link_is_text_and_a_kept_one_is_a_link(client: Client) -> None:
    page = client.get("/survey/archives/ndar").text
    assert 'href="mailto:ndarhelp@mail.nih.gov"' in page
    assert not re.search(r'<dd>.*href="#"', page)


@pytest.mark.parametrize(
    "address",
    [
        "/survey?nonsense=1",
        "/survey?kind=hospitals",
        "/survey?system=nowhere",
        "/survey?row=nothing",
        "/survey?differences=all",
        "/survey?kind=archives&kind=software",
        "/survey.csv?limit=3",
        "/survey.json?system=<script>",
        "/survey?" + "&".join(["system=tcia"] * 101),
    ],
)
def test_what_is_not_known_is_answered_400_by_a_plain_page(client: Client, address: str) -> None:
    page = client.get(address)
    assert page.status_code == 400
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<script>" not in page.text


@pytest.mark.parametrize("address", ["/survey/archives/nowhere", "/survey/hospitals/tcia"])
def test_an_unknown_system_is_not_found(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404


def test_the_files_hold_what_the_page_shows(client: Client) -> None:
    asked = "kind=software&row=api&row=license&differences=only"
    lines = list(csv.reader(io.StringIO(client.get(f"/survey.csv?{asked}").text)))
    book = client.get(f"/survey.json?{asked}").json()
    assert [line[0] for line in lines[1:]] == [row["key"] for row in book["rows"]] == ["license", "api"]
    assert [entry["id"] for entry in book["systems"]] == ["nbia", "xnat", "midas"]


def test_the_csv_is_offered_as_a_file_with_a_name(client: Client) -> None:
    told = client.get("/survey.csv?kind=software").headers["Content-Disposition"]
    assert told == 'attachment; filename="survey-software.csv"'


@pytest.mark.parametrize("address", ["/survey", "/survey?kind=software", "/survey/software/xnat"])
def test_no_page_has_script_or_style_in_it(client: Client, address: str) -> None:
    page = client.get(address).text
    assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)", page)


def test_every_static_file_a_page_names_is_there(client: Client) -> None:
    named = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', client.get("/survey").text))
    assert len(named) >= 7
    assert {client.get(one).status_code for one in named} == {200}
