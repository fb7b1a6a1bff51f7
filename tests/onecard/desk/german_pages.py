"""Reads the words of a page, and finds those that are English although German has them."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import polib

from onecard.settings import BASE_DIR

CATALOGS: Final = (BASE_DIR / "locale", BASE_DIR / "onecard" / "locale_unfold")
# What a reader hears or sees of an element beside its text.
SPOKEN: Final = ("aria-label", "data-label", "placeholder", "title", "alt")
PLACEHOLDER: Final = re.compile(r"%\(\w+\)s|%%|\{\w*\}")
# Two of these in one text make it English; data has names and codes, not sentences.
SMALL_WORDS: Final = frozenset(
    [
        "the",
        "of",
        "and",
        "is",
        "are",
        "was",
        "were",
        "not",
        "yet",
        "with",
        "from",
        "by",
        "to",
        "this",
        "that",
        "it",
        "be",
        "has",
        "have",
        "had",
        "for",
        "at",
        "on",
        "or",
        "which",
        "who",
        "what",
        "when",
    ]
)
# What rows keep as it was written: kinds of subjects in the trail, categories of the networks, names of permissions,
# words of people.
STORED: Final = re.compile(
    r"authorization|case|control|endpoint|It is closed\.|The shop has refunded it\.|Raised on the card's page\."
    r"|Cash and things like cash cannot be bought with this card\."
    r"|Cable, satellite and other paid TV, radio or streaming|Draft(, version 1.*)?|.* \| Can .*"
)


class _Reader(HTMLParser):
    """Collects texts outside scripts, bodies of deliveries and code."""

    SKIPPED = ("script", "style", "pre", "code")

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._skipped = 0
        self._icon = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._icon = "material-symbols" in (found.get("class") or "")
        self._skipped += tag in self.SKIPPED
        self.texts += [found[name] or "" for name in SPOKEN if found.get(name)]

    def handle_endtag(self, tag: str) -> None:
        self._icon = False
        self._skipped -= tag in self.SKIPPED

    def handle_data(self, data: str) -> None:
        if not self._skipped and not self._icon:
            self.texts.append(data)


def texts_of(html: str) -> list[str]:
    """Returns the texts of a page, each with single spaces, without what is stored in English."""
    reader = _Reader()
    reader.feed(html)
    texts = (" ".join(each.split()) for each in reader.texts)
    return [text for text in texts if text and not STORED.fullmatch(text)]


def english_of(html: str) -> set[str]:
    """Returns texts of the page that have a translation and are not translated."""
    return {text for text in texts_of(html) if _is_english(text)}


def sentences_of(html: str) -> set[str]:
    """Returns texts of the page that look like English sentences, whether or not a catalog has them."""
    # Not the "be" of an id such as 4be9-8066.
    words = re.compile(r"(?<![\w-])[a-z]+(?![\w-])")
    return {text for text in texts_of(html) if len(SMALL_WORDS & set(words.findall(text.lower()))) >= 2}


def catalog(folder: Path) -> polib.POFile:
    return polib.pofile(str(folder / "de" / "LC_MESSAGES" / "django.po"), wrapwidth=0)


@cache
def _patterns() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Returns the plain English texts, and those with placeholders as patterns."""
    plain, patterns = set(), []
    german = {_bare(each.msgstr) for folder in CATALOGS for each in catalog(folder)}
    for entry in (each for folder in CATALOGS for each in catalog(folder)):
        text = _bare(entry.msgid)
        if text in german or not re.search(r"[a-zA-Z]{2}", text):
            continue
        fixed = PLACEHOLDER.split(text)
        if len(fixed) == 1:
            plain |= {text, text[:1].upper() + text[1:]} - german
        elif len("".join(fixed).split()) > 1:
            patterns.append(re.compile(".+".join(re.escape(part) for part in fixed)))
    return frozenset(plain), tuple(patterns)


def _bare(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", text).split())


def _is_english(text: str) -> bool:
    plain, patterns = _patterns()
    return text in plain or any(pattern.fullmatch(text) for pattern in patterns)
