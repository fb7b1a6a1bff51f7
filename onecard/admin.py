"""The roof's part of the back office: logins and groups, whose edits belong in the trail like all others."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from audit.edits import AuditedAdmin
from onecard.kit import references
from onecard.kit.transactions import transaction
from onecard.users.admin import PeopleAdmin, RolesAdmin
from onecard.users.models import User

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(PeopleAdmin, AuditedAdmin):
    """Logins, with a trail."""

    secret_fields = ("password",)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """A new password and its entry in the trail are one commit."""
        with transaction():
            return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        if request.resolver_match and request.resolver_match.url_name == "auth_user_password_change":
            self.record(request, obj, "password_changed")
        return super().log_change(request, obj, message)


@admin.register(Group)
class GroupAdmin(RolesAdmin, AuditedAdmin):
    """Groups, with a trail."""


references.register("user", lambda key: reverse("admin:users_user_change", args=[key]))
