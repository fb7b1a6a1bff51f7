"""What a page must show to everybody: axe-core looks at it in light, dark and on a phone; and its pictures."""

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from onecard.dev import node_packages
from tests.support import lengths

HERE: Final = Path(__file__).resolve().parent
PICTURES: Final = HERE.parents[1] / "docs" / "screenshots"
DESK: Final = {"width": 1280, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
SEVERE: Final = ("serious", "critical")
# A colour on its way to another one would be measured as neither.
TURN: Final = """(isDark) => {
    document.documentElement.classList.toggle("dark", isDark);
    const running = document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime !== Infinity);
    running.forEach((each) => each.finish());
}"""
LOOK: Final = "() => axe.run(document, {resultTypes: ['violations']})"
TOO_WIDE: Final = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass(frozen=True, slots=True)
class Look:
    """One way to look at a page."""

    name: str
    size: dict[str, int]
    scheme: str


LIGHT, DARK, NARROW = Look("light", DESK, "light"), Look("dark", DESK, "dark"), Look("390 px", PHONE, "light")


def violations(page: Page) -> list[str]:
    """Returns a sentence for each serious or critical violation, in light, dark and at 390 px, and if it is too wide.

    The suite looks in light alone, since each look costs a third of a second.
    """
    return [each for look in ([LIGHT] if lengths.IS_SUITE else [NARROW, DARK, LIGHT]) for each in _seen(page, look)]


def _seen(page: Page, look: Look) -> list[str]:
    _turn(page, look)
    if not page.evaluate("() => typeof axe !== 'undefined'"):
        page.evaluate(_axe())
    found: dict[str, Any] = page.evaluate(LOOK)
    too_wide = page.evaluate(TOO_WIDE)
    return [f"{page.url} ({look.name}): it is {too_wide} px wider than the screen"] * (too_wide > 0) + [
        f"{page.url} ({look.name}): {each['impact']} {each['id']}: {each['help']}\n    "
        + "\n    ".join(f"{node['html'][:200]} {node['failureSummary']}" for node in each["nodes"][:3])
        for each in found["violations"]
        if each["impact"] in SEVERE
    ]


def _turn(page: Page, look: Look) -> None:
    """The back office keeps its theme in the page; everything else follows the system.

    A click returns once the next page is on its way, which may have no element yet.
    """
    page.wait_for_load_state()
    page.set_viewport_size(look.size)
    page.emulate_media(color_scheme=look.scheme)
    page.evaluate(TURN, look is DARK)


@cache
def _axe() -> str:
    """axe-core's own text, as npm has it; it is put into the page, so no page asks another host."""
    node_packages.install(HERE)
    return (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def take(page: Page, name: str) -> None:
    """Writes docs/screenshots/<name>.webp: WebP has a quarter of a PNG's size, and Playwright does not write it."""
    page.wait_for_load_state()
    page.evaluate("() => document.fonts.ready")
    session = page.context.new_cdp_session(page)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": 80})
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))
    session.detach()
