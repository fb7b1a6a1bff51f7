"""The roof's part of the back office: logins and groups, whose edits belong in the trail like all others."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit.edits import AuditedAdmin
from onecard.kit import references
from onecard.kit.acts import page_action
from onecard.kit.admin import row_of
from onecard.kit.transactions import transaction
from onecard.second_factor import devices
from onecard.users.admin import PeopleAdmin, PersonForm, RolesAdmin
from onecard.users.models import User
from wallet.models import Cardholder

admin.site.unregister(Group)
# Its own pages show the key. Ours are in onecard/second_factor.
admin.site.unregister(TOTPDevice)


class LoginForm(PersonForm):
    """A login is staff's or a cardholder's, never both."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        is_staff = self.cleaned_data.get("is_staff") or self.cleaned_data.get("is_superuser")
        if is_staff and Cardholder.objects.filter(user=self.instance.pk).exists():
            raise forms.ValidationError("This login has a wallet, so it cannot be staff. Make another login for staff.")
        return cleaned


@admin.register(User)
class UserAdmin(PeopleAdmin, AuditedAdmin):  # type: ignore[misc]  # Django asks the base too, in other words.
    """Logins, with a trail."""

    form = LoginForm
    secret_fields = ("password",)
    actions_detail = ("remove_second_factor",)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only for superusers, only where there is something to remove, and not one's own."""
        person = row_of(self, request, object_id)
        is_other = person is not None and person.pk != request.user.pk
        may_remove = is_other and getattr(request.user, "is_superuser", False)
        if person is None or not may_remove or not devices.has_device(person):
            return []
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return actions

    @page_action(description="Remove the second factor", url_path="second-factor", icon="phonelink_erase")
    def remove_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        person = row_of(self, request, object_id)
        if person is None:
            raise Http404
        return redirect("second-factor-remove", user_id=person.pk)

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
