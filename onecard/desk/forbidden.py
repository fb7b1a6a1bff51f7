"""The page for whoever may not do something: which right is missing, which roles have it, and whom to ask."""

from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.defaults import permission_denied

from onecard.users.models import User
from onecard.users.roles import administrators, roles_with

# More names help nobody.
ASKED_MOST: Final = 5


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Says in the back office, with status 403, what this login may not do; elsewhere answers as Django does."""
    if not request.path.startswith("/admin/"):
        return permission_denied(request, exception)
    user: Any = request.user
    missing = user.refused_permissions[-1:] if isinstance(user, User) else []
    context = {
        "title": _("You may not do this"),
        "words": str(exception),
        "rights": [{"name": words_of(each), "code": each, "roles": roles_with(each)} for each in missing],
        "administrators": administrators()[:ASKED_MOST] if isinstance(user, User) else [],
    }
    return TemplateResponse(
        request, "admin/forbidden.html", {**admin.site.each_context(request), **context}, status=403
    )


def words_of(permission: str) -> str:
    """Returns a permission in words, such as `change cases`; of our own ones what the model says."""
    label, _dot, codename = permission.partition(".")
    for model in apps.get_app_config(label).get_models():
        own = dict(model._meta.permissions)
        if codename in own:
            return _(str(own[codename]))
        action, _underscore, name = codename.partition("_")
        if name == model._meta.model_name:
            return _right(action) % {"things": model._meta.verbose_name_plural}
    return permission


def _right(action: str) -> str:
    return {
        "view": _("See: %(things)s"),
        "add": _("Add: %(things)s"),
        "change": _("Change: %(things)s"),
        "delete": _("Delete: %(things)s"),
    }[action]
