"""A person's browser: headless Chromium, driven by its own protocol through a pipe, with the mouse and the keyboard.

https://chromedevtools.github.io/devtools-protocol/ has the commands. Elements are found by the words that a person
reads, and clicked where they are: what is hidden or covered cannot be clicked.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

OPTIONS: Final = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio"),
    *("--disable-extensions", "--disable-background-networking", "--remote-debugging-pipe", "--window-size=1280,900"),
)
PATIENCE_S: Final = 20.0
# Finds what a person sees with these words: a link, a button, or what is named.
FIND: Final = """
(() => {
    const [kind, words] = %s;
    const plain = (each) => (each.innerText || each.value || "").replace(/\\s+/g, " ").trim();
    const all = kind === "name" ? document.getElementsByName(words) : document.querySelectorAll(kind);
    const shown = [...all].filter((each) => each.type !== "hidden" && each.getClientRects().length);
    const same = kind === "name" ? shown[0] : shown.find((each) => plain(each) === words);
    const found = same || shown.find((each) => plain(each).includes(words));
    if (!found) return null;
    found.scrollIntoView({ block: "center", behavior: "instant" });
    const box = found.getBoundingClientRect();
    const x = box.x + Math.min(box.width / 2, 60), y = box.y + box.height / 2;
    const top = document.elementFromPoint(x, y);
    return found.contains(top) || (top && top.contains(found)) ? { x, y } : null;
})()
"""


class Browser:
    """One tab of one browser."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = os.fdopen(reads, "rb"), os.fdopen(writes, "wb")
        self._number, self._rest, self._session = 0, b"", ""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Page.enable")

    def open(self, url: str) -> None:
        """Goes to an address, as one types it."""
        self._mark()
        self._ask("Page.navigate", url=url)
        self._wait_for_next_page()

    def click(self, words: str, *, kind: str = "a, button, input[type=submit]") -> None:
        """Clicks a link or a button by its words, and waits for the page to which it leads."""
        self._mark()
        self._press(*self._find(kind, words))
        self._wait_for_next_page()

    def tick(self, name: str) -> None:
        self._press(*self._find("name", name))

    def fill(self, **values: str) -> None:
        """Types into fields by their names."""
        for name, value in values.items():
            self._press(*self._find("name", name))
            self.look("document.activeElement.select && document.activeElement.select()")
            self._ask("Input.insertText", text=value)

    def text(self) -> str:
        """What the page says."""
        return " ".join(str(self.look("document.body.innerText")).split())

    def url(self) -> str:
        return str(self.look("location.href"))

    def look(self, script: str) -> Any:
        """The value of a script on the page."""
        said = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        return said["result"].get("value")

    def close(self) -> None:
        with self._reads, self._writes, contextlib.suppress(OSError, EOFError):
            self._session = ""
            self._ask("Browser.close")

    def _find(self, kind: str, words: str) -> tuple[float, float]:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            found = self.look(FIND % json.dumps([kind, words]))
            if found:
                return float(found["x"]), float(found["y"])
            time.sleep(0.05)
        raise AssertionError(f"nothing that can be clicked says {words!r} at {self.url()}: {self.text()[:1500]}")

    def _press(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _mark(self) -> None:
        self.look("window.isOld = true")

    def _wait_for_next_page(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self.look("!window.isOld && document.readyState === 'complete'"):
                return
            time.sleep(0.02)
        raise AssertionError(f"no other page came after {self.url()}: {self.text()[:1500]}")

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params}
        self._writes.write(json.dumps(asked | ({"sessionId": self._session} if self._session else {})).encode() + b"\0")
        self._writes.flush()
        while True:
            said = self._read()
            if said.get("id") == self._number:
                # While a page is being left, it answers nothing.
                return dict(said.get("result") or {"result": {}})

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = self._reads.read1(65536)
            if not more:
                raise EOFError("the browser has ended")
            self._rest += more
        one, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(one))


def chromium() -> str:
    """The program; without it the test is skipped, which CI does not accept."""
    found = shutil.which("chromium")
    if found is None:
        assert not os.environ.get("CI"), "chromium is missing; CI installs it (.ci/run)"
        pytest.skip("CHROMIUM IS MISSING, SO NOTHING WAS TRIED IN A BROWSER: apt-get install chromium")
    return found


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Starts Chromium with a profile of its own, and ends exactly that process."""
    program = chromium()
    to_read, to_write = os.pipe(), os.pipe()

    def hand_over() -> None:
        # Chromium reads its commands from 3 and answers on 4.
        ours = os.dup(to_read[0]), os.dup(to_write[1])
        os.dup2(ours[0], 3)
        os.dup2(ours[1], 4)

    with tempfile.TemporaryDirectory() as profile:
        command = [program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        # Nothing between fork and exec takes a lock, so threads of ours do no harm here.
        with subprocess.Popen(command, preexec_fn=hand_over, close_fds=False, **silent) as running:  # noqa: PLW1509
            os.close(to_read[0])
            os.close(to_write[1])
            try:
                with contextlib.closing(Browser(to_write[0], to_read[1])) as tab:
                    yield tab
            finally:
                running.terminate()
                running.wait(10)
