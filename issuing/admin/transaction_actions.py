"""What the buttons of a movement's page share: each is shown only while it is needed."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from issuing.models import CardTransaction
from onecard.kit.admin import BaseAdmin


class MovementButtons(BaseAdmin):
    """The base of each button; the page lists its buttons."""

    # For each button's path: a function that says why it cannot be used on a movement, or "".
    why_not: ClassVar[Mapping[str, Callable[[CardTransaction], str]]]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        movement = self.get_object(request, str(object_id))
        if not isinstance(movement, CardTransaction):
            return []
        return [each for each in allowed if not self.why_not[each.path](movement)]

    def has_complete_movement_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Nothing else of a movement can be changed, so the change permission stands for these buttons."""
        return request.user.has_perm("issuing.change_cardtransaction")

    def movement(self, request: HttpRequest, object_id: str) -> CardTransaction:
        """The movement of the page; raises Http404."""
        movement = self.get_object(request, object_id)
        if not isinstance(movement, CardTransaction):
            raise Http404
        return movement


def turn_away(request: HttpRequest, movement: CardTransaction, why_not: str) -> HttpResponse:
    """Redirects to the movement's page, with the reason."""
    messages.error(request, why_not)
    return redirect(page_of(movement))


def page_of(movement: CardTransaction) -> str:
    """The address of a movement's page."""
    return reverse("admin:issuing_cardtransaction_change", args=[movement.pk])
