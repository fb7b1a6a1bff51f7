"""Whose things a caller may reach: their own, and nobody else's. The only place that decides it."""

from typing import Any, Final, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from onecard.kit import log_context
from onecard.kit.errors import OneCardError
from onecard.users.models import User
from wallet.models import Cardholder

M = TypeVar("M", bound=Model)

NOT_FOUND: Final = "There is no such thing here, or it is not yours."


class NoProfileError(OneCardError):
    """The person has signed up and has not given their profile yet."""

    code = "profile_missing"


class IsPerson(BasePermission):
    """A login of a person. Staff work in the back office, and see nobody's things here."""

    message = "Staff use the back office; this is for the people who carry a card."

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        return isinstance(user, User) and not (user.is_staff or user.is_superuser)


def user_of(request: Request | HttpRequest) -> User:
    """Returns the login of a request that IsPerson has let in."""
    if not isinstance(request.user, User):
        raise exceptions.NotAuthenticated
    return request.user


def actor_of(request: Request) -> str:
    """Returns the person's name in the audit trail."""
    return f"user:{user_of(request).pk}"


def cardholder_of(request: Request | HttpRequest) -> Cardholder:
    """Returns whose wallet it is; raises NoProfileError while the person has none."""
    found = Cardholder.objects.filter(user=user_of(request)).first()
    if found is None:
        raise NoProfileError("Give your profile first: PUT /api/v1/profile.")
    log_context.bind(customer_id=str(found.public_id))
    return found


def own(rows: "QuerySet[M]", **which: Any) -> M:
    """Returns the one row of a person's own rows; raises NotFound for a foreign or unknown one, which look alike."""
    found = rows.filter(**which).first()
    if found is None:
        raise exceptions.NotFound(NOT_FOUND)
    return found
