"""The check that a webhook comes from the archive, as the page for toolmakers shows it."""

import hashlib
import hmac
import re
import time
from pathlib import Path
from typing import Any

import pytest

from invivo.client import ForgedHook

PAGE = Path(__file__).parents[2] / "docs" / "toolmaker.md"
BODY = b'{"changes": [{"seq": 41}]}'


def recipe() -> Any:
    """Return the function of the recipe, out of the page."""
    text = PAGE.read_text("utf-8")
    code = next(one for one in re.findall(r"```python\n(.*?)```", text, re.S) if "verify_hook" in one)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own page
    return names["take"]


def signed(secret: str, body: bytes, at: float) -> dict[str, str]:
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    return {"invivo-timestamp": stamp, "Invivo-Signature": f"v1={digest}"}


def test_the_recipe_of_the_page_takes_what_is_signed() -> None:
    assert recipe()("s", signed("s", BODY, time.time()), BODY) == [41]


@pytest.mark.parametrize(
    "headers",
    [
        signed("other", BODY, time.time()),
        signed("s", BODY + b" ", time.time()),
        signed("s", BODY, time.time() - 600),
        signed("s", BODY, time.time() + 600),
        {},
        signed("s", BODY, time.time()) | {"Invivo-Signature": "v1=é"},
        signed("s", BODY, time.time()) | {"Invivo-Signature": hashlib.sha256(BODY).hexdigest()},
    ],
)
def test_the_recipe_of_the_page_refuses_what_is_forged(headers: dict[str, str]) -> None:
    with pytest.raises(ForgedHook):
        recipe()("s", headers, BODY)
