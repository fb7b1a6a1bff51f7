"""Who may log in, and who may say so. The roof registers these together with the audit trail (onecard/admin.py)."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse

from onecard.users.models import User

if TYPE_CHECKING:
    from django.contrib.auth.forms import UserChangeForm
    from django.forms import ModelForm

    AnyUserForm = UserChangeForm[User]
    AnyModelForm = ModelForm[User]
    AnyUserAdmin = UserAdmin[Any]
else:
    from django.contrib.auth.forms import UserChangeForm as AnyUserForm
    from django.forms import ModelForm as AnyModelForm

    AnyUserAdmin = UserAdmin

POWERS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")
# Whoever changes these can step into the person's place.
IDENTITY = ("username", "email")


class NameForOne:
    """A name that no other login has, in whatever letters: a login is found by it in any."""

    def clean_username(self) -> str:
        name = str(self.cleaned_data["username"])  # type: ignore[attr-defined]
        others = User.objects.filter(username__iexact=name).exclude(pk=self.instance.pk)  # type: ignore[attr-defined]
        if others.exists():
            raise ValidationError("Another login has this name, maybe in other letters. Choose another one.")
        return name


class PersonForm(NameForOne, AnyUserForm):
    """What is edited of a login. The password is not: only the person ever knows it (invitations)."""

    password = None  # type: ignore[assignment]


class NewPersonForm(NameForOne, AnyModelForm):
    """A new login; nobody types a password for somebody else."""

    class Meta:
        model = User
        fields = ("username", "email", "first_name", "last_name")


class PeopleAdmin(AnyUserAdmin):
    """Logins. Nobody is deleted, since the trail names people by id; an account that is not needed is made inactive."""

    form = PersonForm
    add_form = NewPersonForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username",)}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Powers", {"fields": POWERS}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "first_name", "last_name")}),)
    # Searching, not listing: an account may have hundreds of permissions to pick from.
    filter_horizontal = ("groups", "user_permissions")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Only superusers change who a login is and what it may do, and nobody their own powers.

        Else the right to edit logins would be the right to everything.
        """
        fields = tuple(super().get_readonly_fields(request, obj))
        if obj is None:
            return fields
        if not _is_superuser(request):
            return (*fields, *IDENTITY, *POWERS)
        return (*fields, *POWERS) if obj.pk == request.user.pk else fields

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser's login is touched by superusers only."""
        out_of_reach = obj is not None and obj.is_superuser and not _is_superuser(request)
        return super().has_change_permission(request, obj) and not out_of_reach

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Nobody sets a password for somebody else; Django's page for that is closed."""
        raise PermissionDenied("Nobody sets another person's password. Send an invitation instead.")


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
