"""The page to which the `type` of each problem leads: every code, what it means, and its status."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework import exceptions

from onecard.api.auth.refusals import OF_JOINING
from onecard.api.etags import ChangedMeanwhile, PreconditionRequired
from onecard.api.problems import CODES, status_of
from onecard.kit.errors import OneCardError

OF_THE_FRAMEWORK: Final = (
    exceptions.AuthenticationFailed,
    exceptions.MethodNotAllowed,
    exceptions.NotAcceptable,
    exceptions.NotAuthenticated,
    exceptions.NotFound,
    exceptions.ParseError,
    exceptions.PermissionDenied,
    exceptions.Throttled,
    exceptions.UnsupportedMediaType,
    exceptions.ValidationError,
    ChangedMeanwhile,
    PreconditionRequired,
)


def show(request: HttpRequest) -> HttpResponse:
    """Renders the table of codes."""
    return render(request, "api/problems.html", {"codes": sorted(codes().items())})


def codes() -> dict[str, tuple[int, str]]:
    """Returns each code with its status and what it means, in a sentence."""
    found = {
        CODES.get(each.default_code, each.default_code): (each.status_code, str(each.default_detail))
        for each in OF_THE_FRAMEWORK
    }
    found |= OF_JOINING
    for kind in _subclasses(OneCardError):
        words = (kind.__doc__ or "").strip().splitlines()
        found.setdefault(kind.code, (status_of(kind), words[0] if words else ""))
    return found


def _subclasses(base: type[OneCardError]) -> list[type[OneCardError]]:
    own = [each for each in base.__subclasses__() if "code" in vars(each)]
    return own + [deeper for each in base.__subclasses__() for deeper in _subclasses(each)]
