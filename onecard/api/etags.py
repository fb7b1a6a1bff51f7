"""Two who edit the same thing do not overwrite each other: `ETag` on reading, `If-Match` on changing."""

import hashlib
from typing import Any, Final

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

HEADER: Final = "If-Match"


class PreconditionRequired(APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_code = "if_match_missing"
    default_detail = "Send If-Match with the ETag that you read, so that nobody's change is overwritten."


class ChangedMeanwhile(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "changed_meanwhile"
    default_detail = "It was changed since you read it: read it again, and then change it."


def version_of(*values: Any) -> str:
    """Returns a version of what has no counter: another one when any of the values is another."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:32]


def tag(version: Any) -> str:
    """Returns the ETag of a version: a number that a trigger raises, or the time of the last change."""
    return f'"{version}"'


def check_unchanged(request: Request, version: Any) -> None:
    """Raises PreconditionRequired without If-Match, and ChangedMeanwhile where it names another version."""
    sent = request.headers.get(HEADER, "")
    if not sent:
        raise PreconditionRequired
    if tag(version) not in (each.strip().removeprefix("W/") for each in sent.split(",")):
        raise ChangedMeanwhile


def tagged(response: Response, version: Any) -> Response:
    """Adds the version to a response."""
    response["ETag"] = tag(version)
    return response
