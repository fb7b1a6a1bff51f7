"""Lists in pages: newest first, each with the address of the next."""

from rest_framework.pagination import CursorPagination


class Pages(CursorPagination):
    """{"next": URL or null, "previous": URL or null, "results": […]}, ordered by a unique column: nothing is skipped.

    `page_size` may be asked for, 100 at most.
    """

    ordering = "-id"
    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 100
