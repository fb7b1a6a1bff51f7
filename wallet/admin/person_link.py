"""The link to a person's page, wherever a list or a page of the back office names them."""

from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString

from onecard.kit import display
from wallet.models import Cardholder


def person_page(holder: Cardholder) -> str:
    """Returns the address of the person's page. It is of a room above, so this knows its address by name."""
    try:
        return reverse("desk:person", args=[holder.public_id])
    except NoReverseMatch:
        return ""


def person_link(holder: Cardholder | None) -> str | SafeString:
    """Returns the person's name as a link to their page, or a dash for nobody."""
    return display.link(person_page(holder), holder) if holder is not None else display.NOTHING
