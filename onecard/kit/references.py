"""Links by reference, such as decision:<uuid>: an app says how its own kinds are reached, lower apps only ask."""

from collections.abc import Callable

from django.urls import NoReverseMatch

_pages: dict[str, Callable[[str], str]] = {}


def register(kind: str, page: Callable[[str], str]) -> None:
    """Says which page shows a thing of this kind; `page` turns the part after the colon into a URL."""
    _pages[kind] = page


def page_of(reference: str) -> str:
    """The URL of what a reference names, or "" when nobody shows such things."""
    kind, _, key = reference.partition(":")
    try:
        return _pages[kind](key) if kind in _pages and key else ""
    except NoReverseMatch:
        return ""
