"""Stories of staff in a real browser: what each of them gets. README.md here says how to write one."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Response

from onecard.demo.purchase import Report, simulate
from onecard.demo.world import seed_demo_world
from onecard.kit.money import Money
from tests.browser import looks
from tests.browser.playwright_thread import PlaywrightThread
from tests.browser.staff import Colleague, colleague, enter
from tests.issuing.issuers.worlds import marqeta_settings
from tests.journeys.conftest import CARD, our_program, running_worker
from tests.onecard.api.auth.conftest import cheap_hashes
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import processor_sandbox

__all__ = ["cheap_hashes"]

WAITS_AT_MOST_MS = 10_000
THIS_MACHINE = ("localhost", "127.0.0.1")
LogIn = Callable[..., Page]
Buy = Callable[..., Report]
Axe = Callable[[Page], None]
Shot = Callable[[Page, str], None]


@pytest.fixture(scope="session")
def playwright_thread() -> Iterator[PlaywrightThread]:
    """The one browser of this test process."""
    thread = PlaywrightThread()
    yield thread
    thread.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A story runs where its browser is."""
    thread = pyfuncitem.funcargs.get("playwright_thread")
    if thread is None:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    # A connection from before the browser's loop runs is one that Django does not find again beside it.
    thread.run(thread.browser)
    thread.run(lambda: pyfuncitem.obj(**arguments))
    return True


@pytest.fixture
def server(our_server: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the product's web server. It has no TLS, and links lead to itself."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    settings.PUBLIC_URL = our_server
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    return our_server


@pytest.fixture
def sandbox(server: str, settings: Any) -> Iterator[RunningSandbox]:
    """The demo world, both issuers and the processor, and a worker who does at once what the queue holds."""
    seed_demo_world()
    doors = {
        "webhook_url": f"{server}/stripe-webhook",
        "marqeta_gateway_url": f"{server}/api/webhooks/marqeta/jit",
        "marqeta_webhook_url": f"{server}/api/webhooks/marqeta",
    }
    program = our_program()
    with processor_sandbox(marqeta=program, opening_top_up=True, **doors) as running, running_worker():
        for name, value in marqeta_settings(running, program).items():
            setattr(settings, name, value)
        yield running


@pytest.fixture
def buy(sandbox: RunningSandbox) -> Buy:
    """Makes one purchase with the demo card, or with `card_id`, through the issuer, and waits for its charge."""

    def make(
        *, mcc: str = "5812", amount: str = "45.00", merchant: str = "Bella Italia", card_id: str = CARD, **more: Any
    ) -> Report:
        options: dict[str, Any] = {"wait_s": 15, "waiting": lambda _what, _seconds: None, **more}
        return simulate(mcc=mcc, amount=Money.parse(amount, "USD"), merchant=merchant, card_id=card_id, **options)

    return make


@pytest.fixture
def new_page(server: str, playwright_thread: PlaywrightThread) -> Iterator[Callable[[], Page]]:
    """Opens a page in a profile of its own, where nobody is logged in; at the end nothing may be wrong in one."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def opened() -> Page:
        browser = playwright_thread.browser()
        context = browser.new_context(base_url=server, viewport=looks.DESK, reduced_motion="reduce", locale="en-US")
        contexts.append(context)
        context.set_default_timeout(WAITS_AT_MOST_MS)
        _watch(context, problems)
        return context.new_page()

    yield opened
    playwright_thread.run(lambda: [context.close() for context in contexts])
    assert not problems, "\n".join(problems)


def _watch(context: BrowserContext, problems: list[str]) -> None:
    """Notes what no page may do: ask a host that is not this machine, answer with a fault, or fail in a script."""

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.hostname not in THIS_MACHINE:
            problems.append(f"another host was asked: {request.url}")

    def answered(response: Response) -> None:
        if response.status >= 500:
            problems.append(f"{response.status}: {response.request.method} {response.url}")

    context.on("request", asked)
    context.on("response", answered)
    context.on("weberror", lambda failed: problems.append(f"a script failed: {failed.error}"))


@pytest.fixture
def log_in(new_page: Callable[[], Page]) -> LogIn:
    """Logs a member of staff in, by password and second factor, and returns their page; `name` makes another person."""

    def logged_in(role: str | Colleague = "administrator", name: str = "") -> Page:
        page = new_page()
        enter(page, colleague(role, name) if isinstance(role, str) else role)
        return page

    return logged_in


@pytest.fixture
def axe() -> Axe:
    """Fails for what people with disabilities cannot use: serious and critical violations that axe-core finds."""

    def look(page: Page) -> None:
        found = looks.violations(page)
        assert not found, "\n".join(found)

    return look


@pytest.fixture
def shot() -> Shot:
    """Takes a picture for docs/screenshots/ when `make screenshots` asks for it; does nothing otherwise."""
    return looks.take if os.environ.get("SCREENSHOTS") else lambda _page, _name: None
