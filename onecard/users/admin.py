"""Who may log in, and who may say so. The roof registers these together with the audit trail (onecard/admin.py)."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from onecard.users.models import User

if TYPE_CHECKING:
    from django.contrib.auth.forms import UserChangeForm as AnyUserForm

    AnyUserAdmin = UserAdmin[Any]
else:
    from unfold.forms import UserChangeForm as AnyUserForm

    AnyUserAdmin = UserAdmin

POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")


class PersonForm(AnyUserForm):
    """What is edited of a login."""


class PeopleAdmin(AnyUserAdmin):
    """Logins. Nobody is deleted, since the trail names people by id; an account that is not needed is made inactive."""

    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    readonly_fields = ("last_login", "date_joined")
    # Searching, not listing: an account may have hundreds of permissions to pick from.
    filter_horizontal = ("groups", "user_permissions")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Only a superuser hands out powers: else the right to edit logins would be the right to everything."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if _is_superuser(request) else (*fields, *POWERS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser's login, password and all, is touched by superusers only."""
        out_of_reach = obj is not None and obj.is_superuser and not _is_superuser(request)
        return super().has_change_permission(request, obj) and not out_of_reach

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


class RolesAdmin(GroupAdmin):
    """Groups of permissions. Only superusers change them, since a group may hold any permission."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))
