"""The lines with which the frontend guide checks a signature do so."""

import base64
import re
import time
from pathlib import Path
from typing import Any

import pytest

from onecard.integrations import signing

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "frontend-guide.md"
SECRET, OTHER = ("whsec_" + base64.b64encode(each * 24).decode() for each in (b"a", b"b"))


@pytest.fixture(scope="module")
def guide() -> dict[str, Any]:
    (code,) = re.findall(r"```python\n(import base64.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    found: dict[str, Any] = {}
    exec(code, found)  # noqa: S102  (our own document)
    return found


def test_the_guides_check_takes_what_we_sign_and_nothing_else(guide: dict[str, Any]) -> None:
    def is_genuine(body: bytes, *, by: list[str], ago_s: int = 0) -> bool:
        now = int(time.time()) - ago_s
        headers = signing.signed(by, event_id="evt", timestamp=now, body=b"{}")
        return bool(guide["is_genuine"](headers, body, SECRET))

    assert is_genuine(b"{}", by=[SECRET])
    assert is_genuine(b"{}", by=[OTHER, SECRET])
    assert not is_genuine(b"{} ", by=[SECRET])
    assert not is_genuine(b"{}", by=[OTHER])
    assert not is_genuine(b"{}", by=[SECRET], ago_s=301)
