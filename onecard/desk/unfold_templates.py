"""Mends Unfold's own templates as they are loaded, so that each new version of them is mended too.

An icon there is a word that a font draws: `<span class="material-symbols-outlined">chevron_right</span>`. A screen
reader would say "chevron right", so each icon is hidden from it, and a button that is only an icon gets a name.
"""

import re
from typing import Final

from django.template.base import Origin
from django.template.loaders import app_directories

ICON: Final = re.compile(r'<span (?=[^<>]*class="[^"]*material-symbols)(?![^<>]*aria-hidden)')
# Buttons and links that are only an icon, without a title: the template, where the name goes, and the name.
NAMELESS: Final = (
    ("admin/search_form.html", 'id="searchbar-submit"', 'aria-label="{% translate "Search" %}"'),
    ("unfold/helpers/site_icon.html", 'a href="{% url "admin:index" %}"', 'aria-label="{{ site_header }}"'),
    ("unfold/widgets/clearable_file_input.html", 'target="_blank"', 'aria-label="{{ widget.value }}"'),
)


class Loader(app_directories.Loader):
    """Django's loader of an app's templates, with Unfold's mended."""

    def get_contents(self, origin: Origin) -> str:
        text = super().get_contents(origin)
        name = str(origin.template_name)
        return mended(name, text) if "/unfold/" in str(origin.name).replace("\\", "/") else text


# The one search finds purchases and people too.
OTHER_WORDS: Final = (("unfold/helpers/search.html", "Search apps and models...", "Search"),)


def mended(name: str, text: str) -> str:
    """Returns the template's text with its icons hidden from screen readers and its buttons named."""
    text = ICON.sub('<span aria-hidden="true" ', text)
    for template, place, label in NAMELESS:
        if name == template:
            text = text.replace(place, f"{place} {label}")
    for template, theirs, ours in OTHER_WORDS:
        if name == template:
            text = text.replace(theirs, ours)
    return text
