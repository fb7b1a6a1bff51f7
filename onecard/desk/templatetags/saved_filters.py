"""The saved filters above a list."""

from typing import Any

from django import template
from django.http import QueryDict

from onecard.desk import saved_filters

register = template.Library()


@register.inclusion_tag("desk/saved_filters.html", takes_context=True)
def saved_filters_of(context: dict[str, Any], changelist: Any) -> dict[str, Any]:
    """Shows the person's saved filters of a list, those shared with their groups, and the form that saves one."""
    request = context["request"]
    query = QueryDict(changelist.get_query_string().lstrip("?"))
    return {
        "saved": saved_filters.of(request.user, changelist.model),
        "groups": request.user.groups.order_by("name") if query else (),
        "query": query.urlencode(),
        "opts": changelist.opts,
        "user": request.user,
        "csrf_token": context.get("csrf_token"),
    }
