"""The login pages. Of allauth's only those that staff need: nobody signs up, resets a password or adds an address."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from django.contrib import admin
from django.urls import include, path

from onecard.second_factor import person_buttons, views

urlpatterns = [
    path("sign-in/", account.login, name="account_login"),
    path("sign-in/code/", mfa.authenticate, name="mfa_authenticate"),
    path("sign-out/", account.logout, name="account_logout"),
    path("invitation/<str:text>/", views.invitation, name="staff-invitation"),
    path("password/", account.password_change, name="account_change_password"),
    path("password/first/", views.no_first_password, name="account_set_password"),
    path("second-factor/", mfa.index, name="mfa_index"),
    path("second-factor/replace/", admin.site.admin_view(views.renew), name="second-factor"),
    path("second-factor/again/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("second-factor/recovery-codes/", include("allauth.mfa.recovery_codes.urls")),
    path("second-factor/passkeys/", include("allauth.mfa.webauthn.urls")),
    path(
        "second-factor/of/<int:user_id>/remove/",
        admin.site.admin_view(person_buttons.remove),
        name="second-factor-remove",
    ),
    path("second-factor/colleague/", admin.site.admin_view(person_buttons.colleague), name="staff-invite-new"),
    path("second-factor/of/<int:user_id>/invite/", admin.site.admin_view(person_buttons.invite), name="staff-invite"),
]
