"""Chromium and Playwright in a thread of their own, in which the stories run.

Playwright's synchronous API leaves an event loop running in its thread for as long as the browser lives. In the main
thread, every later test of this process that starts a loop of its own would fail. Django refuses database calls beside
a running loop, unless DJANGO_ALLOW_ASYNC_UNSAFE is set: nothing here is asynchronous, so it is set while a story runs.
"""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final, TypeVar

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, sync_playwright

OPTIONS: Final = ("--disable-dev-shm-usage", "--no-first-run", "--mute-audio", "--disable-background-networking")
Result = TypeVar("Result")


class PlaywrightThread:
    """One thread with one browser, started when a story first needs it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="playwright")
        self._stack = ExitStack()
        self._browser: Browser | None = None

    def run(self, work: Callable[[], Result]) -> Result:
        """Does the work in the thread, and returns or raises what came of it; no database connection stays open."""
        return self._pool.submit(self._run, work).result()

    def _run(self, work: Callable[[], Result]) -> Result:
        try:
            return work()
        except BaseException as error:
            for page in self.pages():
                error.add_note(f"{page.url} says: {' '.join(page.locator('body').inner_text().split())[:1500]}")
            raise
        finally:
            connections.close_all()

    def pages(self) -> list[Page]:
        """Returns the pages that are open; only inside `run`."""
        return [page for context in self._browser.contexts for page in context.pages] if self._browser else []

    def browser(self) -> Browser:
        """Returns the browser; only inside `run`."""
        if self._browser is None:
            playwright = self._stack.enter_context(sync_playwright())
            launch = playwright.chromium.launch
            self._browser = launch(executable_path=chromium(), args=[*OPTIONS], chromium_sandbox=False)
            self._stack.callback(self._browser.close)
        return self._browser

    def close(self) -> None:
        self.run(self._stack.close)
        self._pool.shutdown()


def chromium() -> str:
    """Returns Debian's Chromium; without it the story is skipped, which CI does not accept."""
    found = shutil.which("chromium")
    if found is None:
        assert not os.environ.get("CI"), "chromium is missing; CI installs it (.ci/run)"
        pytest.skip("CHROMIUM IS MISSING, SO NOTHING WAS TRIED IN A BROWSER: apt-get install chromium")
    return found
