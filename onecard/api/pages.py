"""Lists in pages: newest first, each with the address of the next."""

from typing import Any

from rest_framework.pagination import CursorPagination


class Pages(CursorPagination):
    """{"next": URL or null, "previous": URL or null, "results": […]}, ordered by a unique column: nothing is skipped.

    `page_size` may be asked for, 100 at most.
    """

    ordering = "-id"
    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Returns the schema of a page; the framework's own says of null in words of OpenAPI 3.0."""
        example = "https://onecard.example/api/v1/purchases?cursor=cD00ODY%3D"
        link = {"type": ["string", "null"], "format": "uri", "example": example}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": [*properties], "properties": properties}
