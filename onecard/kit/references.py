"""Links by reference, such as decision:<uuid>: an app registers its pages, and apps below it only ask."""

import functools
from collections.abc import Callable
from typing import Final

from django.apps import apps
from django.urls import NoReverseMatch
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from onecard.kit import display
from onecard.kit.words import Words

# Kinds that are not named as their models are.
SHORT: Final = {"obligation": "fundingobligation", "charge": "fundingcharge", "refund": "fundingrefund"}
_pages: dict[str, Callable[[str], str]] = {}


def register(kind: str, page: Callable[[str], str]) -> None:
    """Registers the page of things of this kind; `page` turns the part after the colon into a URL."""
    _pages[kind] = page


def in_words(reference: str) -> str:
    """Returns what a reference names as people say it: "authorization:17" as "Authorization 17"; others unchanged."""
    kind, _, key = reference.partition(":")
    name = _names().get(SHORT.get(kind, kind))
    return f"{capfirst(name)} {key}" if name and key.isascii() and key.isdigit() else reference


def link(reference: str) -> str | SafeString:
    """Returns it in words, as a link where an app has a page for it."""
    page = page_of(reference)
    return display.link(page, in_words(reference)) if page else in_words(reference)


@functools.cache
def _names() -> dict[str | None, Words]:
    return {model._meta.model_name: model._meta.verbose_name or "" for model in apps.get_models()}


def page_of(reference: str) -> str:
    """Returns the URL of what a reference names, or "" when no app has a page for it."""
    kind, _, key = reference.partition(":")
    try:
        return _pages[kind](key) if kind in _pages and key else ""
    except NoReverseMatch:
        return ""
