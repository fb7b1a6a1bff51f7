"""What the buttons of a movement's page share: each is shown only while it is needed."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

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
        """Returns whether the person has the change permission: nothing else of a movement can be changed."""
        return request.user.has_perm("issuing.change_cardtransaction")
