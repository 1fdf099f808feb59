"""An archive with identified objects listens on this machine only."""

from pathlib import Path

import pytest

from invivo.serving.supervisor import OpenDoors, need_closed_doors
from invivo.settings import read_settings


@pytest.mark.parametrize(
    ("section", "binding"),
    [
        ("http", {"bind": "0.0.0.0:8042"}),
        ("http", {"bind": "192.168.1.4:8042"}),
        ("http", {"bind": "[::]:8042"}),
        ("http", {"bind": "archive.example.org:8042"}),
        ("dimse", {"bind": "0.0.0.0:11112"}),
        ("dimse", {"tls_bind": "0.0.0.0:2762"}),
    ],
)
def test_identified_objects_are_not_offered_to_a_network(tmp_path: Path, section: str, binding: dict[str, str]) -> None:
    need_closed_doors(read_settings(tmp_path, **{section: binding}))
    with pytest.raises(OpenDoors, match=r"127\.0\.0\.1"):
        need_closed_doors(read_settings(tmp_path, inhouse={"identified": True}, **{section: binding}))
    need_closed_doors(read_settings(tmp_path, inhouse={"identified": True, "network": True}, **{section: binding}))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
def test_this_machine_may_reach_them(tmp_path: Path, host: str) -> None:
    doors = {"http": {"bind": f"{host}:8042"}, "dimse": {"bind": f"{host}:11112"}}
    need_closed_doors(read_settings(tmp_path, inhouse={"identified": True}, **doors))


def test_what_was_kept_as_it_came_closes_the_doors_whatever_the_settings_say_today(tmp_path: Path) -> None:
    with pytest.raises(OpenDoors):
        need_closed_doors(read_settings(tmp_path, http={"bind": "0.0.0.0:8042"}), is_identified=True)
