"""The buttons of other pages, shown on the customer's page: each leads back to it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from onecard.kit.confirmation_pages import with_way_back


@dataclass(frozen=True, slots=True)
class Button:
    """A link that looks like a button."""

    title: str
    page: str


def buttons_of(request: HttpRequest, row: Model, *, page: str, without: tuple[str, ...] = ()) -> list[Button]:
    """Returns the buttons that the row's own page offers this user now; each leads back to `page`."""
    room: Any = admin.site.get_model_admin(type(row))
    offered = room.get_actions_detail(request, str(row.pk))
    return [
        Button(str(each.description), with_way_back(reverse(f"admin:{each.action_name}", args=[row.pk]), page))
        for each in offered
        if each.path not in without
    ]
