"""Logins and their permissions. onecard/admin.py registers these pages together with the audit trail."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.users import people
from onecard.users.models import User
from onecard.users.roles import ROLES

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
# A person who changes these can take the login over.
IDENTITY = ("username", "email")


class NameForOne:
    """Requires a name that no other login has in any case of letters: a login is found by it in any case."""

    def clean_username(self) -> str:
        name = str(self.cleaned_data["username"])  # type: ignore[attr-defined]
        others = User.objects.filter(username__iexact=name).exclude(pk=self.instance.pk)  # type: ignore[attr-defined]
        if others.exists():
            raise ValidationError(_("Another login has this name, maybe in other letters. Choose another one."))
        return name


class EmailForOne:
    """Requires an address that no other person's login has: people log in by it."""

    def clean(self) -> dict[str, Any] | None:
        cleaned: dict[str, Any] | None = super().clean()  # type: ignore[misc]
        values = cleaned or {}
        email = str(values.get("email", ""))
        is_staff = values.get("is_staff", self.instance.is_staff) or values.get(  # type: ignore[attr-defined]
            "is_superuser",
            self.instance.is_superuser,  # type: ignore[attr-defined]
        )
        others = people.with_email(email).exclude(pk=self.instance.pk)  # type: ignore[attr-defined]
        if email and not is_staff and others.exists():
            self.add_error("email", _("Another person's login has this e-mail address."))  # type: ignore[attr-defined]
        return cleaned


class PersonForm(EmailForOne, NameForOne, AnyUserForm):
    """Edits a login without its password: only the person ever knows it (invitations)."""

    password = None  # type: ignore[assignment]


class NewPersonForm(EmailForOne, NameForOne, AnyModelForm):
    """Makes a login; nobody types a password for somebody else."""

    class Meta:
        model = User
        fields = ("username", "email", "first_name", "last_name")


class PeopleAdmin(AnyUserAdmin):
    """Logins. Nobody is deleted, because the trail names people by id; unused logins are made inactive."""

    form = PersonForm
    add_form = NewPersonForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username",)}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (gettext_lazy("Powers"), {"fields": POWERS}),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "first_name", "last_name")}),)
    # A search and not a list: an account may have hundreds of permissions to choose from.
    filter_horizontal = ("groups", "user_permissions")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Only superusers change a login's identity and permissions, and nobody changes their own.

        Otherwise the right to edit logins would be the right to everything.
        """
        fields = tuple(super().get_readonly_fields(request, obj))
        if obj is None:
            return fields
        if not _is_superuser(request):
            return (*fields, *IDENTITY, *POWERS)
        return (*fields, *POWERS) if obj.pk == request.user.pk else fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Asks for both rights, as Django's page for a new login does; otherwise its link would lead to a refusal."""
        return super().has_add_permission(request) and super().has_change_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only superusers change a superuser's login."""
        out_of_reach = obj is not None and obj.is_superuser and not _is_superuser(request)
        return super().has_change_permission(request, obj) and not out_of_reach

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Closes Django's page: nobody sets a password for somebody else."""
        raise PermissionDenied(_("Nobody sets another person's password. Send an invitation instead."))


class RolesAdmin(GroupAdmin):
    """Groups of permissions. Only superusers change them, because a group may hold any permission.

    Nobody changes those of the roles, which come with the product.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Reads a group's permissions with what they are named by, so that a page costs the same for any number."""
        named = Permission.objects.select_related("content_type")
        return super().get_queryset(request).prefetch_related(Prefetch("permissions", named))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request) and not _is_role(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request) and not _is_role(obj)


def _is_role(group: Any) -> bool:
    return group is not None and group.name in ROLES


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))
