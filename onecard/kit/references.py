"""Links by reference, such as decision:<uuid>: an app registers its pages, and apps below it only ask."""

from collections.abc import Callable

from django.urls import NoReverseMatch

_pages: dict[str, Callable[[str], str]] = {}


def register(kind: str, page: Callable[[str], str]) -> None:
    """Registers the page of things of this kind; `page` turns the part after the colon into a URL."""
    _pages[kind] = page


def page_of(reference: str) -> str:
    """Returns the URL of what a reference names, or "" when no app has a page for it."""
    kind, _, key = reference.partition(":")
    try:
        return _pages[kind](key) if kind in _pages and key else ""
    except NoReverseMatch:
        return ""
