"""Lists in pages: newest first, each with the address of the next."""

from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

LINK = {
    "type": ["string", "null"],
    "format": "uri",
    "description": "null where there is no such page.",
    "example": "https://example.com/api/v1/purchases?cursor=cD00Mg%3D%3D",
}


class Pages(CursorPagination):
    """{"next": URL or null, "previous": URL or null, "results": […]}, ordered by a unique column: nothing is skipped.

    `page_size` may be asked for, 100 at most. A `cursor` is what `next` and `previous` hold, and nothing else.
    """

    ordering = "-id"
    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_page_size(self, request: Request) -> int:
        sent = request.query_params.get(self.page_size_query_param)
        if sent is None:
            return self.page_size
        if not (sent.isascii() and sent.isdigit() and 1 <= int(sent[:10]) <= self.max_page_size):
            raise ValidationError({self.page_size_query_param: [f"Send a number from 1 to {self.max_page_size}."]})
        return int(sent)

    def decode_cursor(self, request: Request) -> Cursor | None:
        wrong = ValidationError({self.cursor_query_param: ["Send only what next or previous of a page holds."]})
        try:
            found: Cursor | None = super().decode_cursor(request)
        except NotFound:
            raise wrong from None
        if found is not None and found.position is not None and not _is_key(str(found.position)):
            raise wrong
        return found

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Says of OpenAPI 3.1 what the framework says of 3.0: that both links may be null."""
        members = {"next": LINK, "previous": LINK, "results": schema}
        return {"type": "object", "required": list(members), "properties": members}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        cursor, size = super().get_schema_operation_parameters(view)
        size["schema"] |= {"minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return [cursor, size]


def _is_key(position: str) -> bool:
    """Whether it is a primary key as PostgreSQL keeps it."""
    return position.isascii() and position.isdigit() and int(position[:20]) < 2**63
