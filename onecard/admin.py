"""The roof's part of the back office: logins and groups, whose edits belong in the trail like all others."""

from typing import Any

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.edits import AuditedAdmin
from onecard.kit import references
from onecard.kit.admin import row_of
from onecard.kit.confirmation_pages import actor_of, page_action
from onecard.second_factor import devices, trust
from onecard.second_factor import views as second_factor
from onecard.users.admin import PeopleAdmin, PersonForm, RolesAdmin
from onecard.users.models import User
from wallet.models import Cardholder

admin.site.unregister(Group)
# The library's pages would let staff edit seeds and addresses. Ours are in onecard/second_factor.
for model in (Authenticator, EmailAddress, EmailConfirmation, UserSession):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
admin.site.login = second_factor.login  # type: ignore[method-assign]
admin.site.logout = second_factor.logout  # type: ignore[method-assign, assignment]
admin.site.password_change = second_factor.change_password  # type: ignore[method-assign, assignment]


class LoginForm(PersonForm):
    """A login is staff's or a cardholder's, never both."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        is_staff = self.cleaned_data.get("is_staff") or self.cleaned_data.get("is_superuser")
        if is_staff and Cardholder.objects.filter(user=self.instance.pk).exists():
            raise forms.ValidationError(
                _("This login has a wallet, so it cannot be staff. Make another login for staff.")
            )
        return cleaned


@admin.register(User)
class UserAdmin(PeopleAdmin, AuditedAdmin):  # type: ignore[misc]  # Django asks the base too, in other words.
    """Logins, with a trail."""

    form = LoginForm
    needs_fresh_code = True
    secret_fields = ("password",)
    actions_list = ("invite_colleague",)
    actions_detail = ("invite", "remove_second_factor")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only for administrators; a second factor is removed only where there is one, and never one's own."""
        person = row_of(self, request, object_id)
        if person is None or not request.user.has_perm("users.assign_roles"):
            return []
        if person.is_superuser and not getattr(request.user, "is_superuser", False):
            return []
        may_remove = person.pk != request.user.pk and devices.has_any(person)
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return (
            actions if may_remove else [each for each in actions if "remove_second_factor" not in str(each.action_name)]
        )

    def has_assign_roles_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm("users.assign_roles")

    @page_action(
        description=gettext_lazy("Invite a colleague"),
        url_path="colleague",
        permissions=["assign_roles"],
        icon="person_add",
    )
    def invite_colleague(self, _request: HttpRequest) -> HttpResponse:
        return redirect("staff-invite-new")

    @page_action(description=gettext_lazy("Send an invitation"), url_path="invite", icon="outgoing_mail")
    def invite(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._page_about(request, "staff-invite", object_id)

    @page_action(description=gettext_lazy("Remove the second factor"), url_path="second-factor", icon="phonelink_erase")
    def remove_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._page_about(request, "second-factor-remove", object_id)

    def _page_about(self, request: HttpRequest, name: str, object_id: str) -> HttpResponse:
        person = row_of(self, request, object_id)
        if person is None:
            raise Http404(_("There is no such login."))
        return redirect(name, user_id=person.pk)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        """Suspends a person whose name or address changed, and mails the old address: it may be a takeover."""
        before = User.objects.filter(pk=obj.pk).first() if change else None
        if before is None:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if before is not None and (before.email, before.username) != (obj.email, obj.username):
            trust.suspend(obj, actor=actor_of(request), because="login_changed", earlier_email=before.email)


@admin.register(Group)
class GroupAdmin(RolesAdmin, AuditedAdmin):
    """Groups, with a trail."""

    needs_fresh_code = True


references.register("user", lambda key: reverse("admin:users_user_change", args=[key]))
