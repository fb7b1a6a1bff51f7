"""Every error of the frontend API as problem details (RFC 9457), with a stable code and the fields that are wrong.

{"type": "/api/docs/problems#limit_too_high", "title": "Conflict", "status": 409, "code": "limit_too_high",
 "detail": "A sentence for people.", "errors": {"daily_minor": ["…"]}, "request_id": "…"}
"""

import math
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from issuing import errors as errors_of_cards
from issuing.card_data.reveal import NoSuchCardError, NotRevealableError
from issuing.card_data.vault import TooManyRevealsError
from issuing.controls.errors import MoveError
from issuing.disputes.request_errors import DisputeRefusedError, EvidenceUnavailableError
from issuing.errors import LimitTooHighError, ReadOnlyError
from issuing.issuers.base import IssuerError, RefusedError
from onecard.api.access import NoProfileError
from onecard.api.idempotency import KeyReusedError, StillRunningError
from onecard.integrations.errors import EndpointOffError, StoppedByStaffError, TooManyEndpointsError
from onecard.kit.errors import OneCardError
from onecard.kit.request_ids import request_id
from wallet.card_removal import CardOwesError
from wallet.kyc.moves import KycError
from wallet.kyc.profile import OtherTermsError, ProfileChangedError
from wallet.methods.admission import CardRefusedError
from wallet.methods.changes import CardRemovedError
from wallet.methods.customers import ChargesUnderWayError
from wallet.methods.setup_limit import TooManySetupsError
from wallet.methods.setups import SetupNotFoundError, SetupUnfinishedError
from wallet.methods.usable import UnusableMethodError
from wallet.processors.base import ProcessorAwayError

CONTENT_TYPE: Final = "application/problem+json"
# The status of a domain's error; one that is not named here has that of its nearest base class.
STATUS: Final[dict[type[OneCardError], int]] = {
    NoSuchCardError: status.HTTP_404_NOT_FOUND,
    NotRevealableError: status.HTTP_409_CONFLICT,
    NoProfileError: status.HTTP_409_CONFLICT,
    DisputeRefusedError: status.HTTP_409_CONFLICT,
    StillRunningError: status.HTTP_409_CONFLICT,
    KeyReusedError: status.HTTP_422_UNPROCESSABLE_ENTITY,
    TooManyRevealsError: status.HTTP_429_TOO_MANY_REQUESTS,
    TooManySetupsError: status.HTTP_429_TOO_MANY_REQUESTS,
    SetupNotFoundError: status.HTTP_404_NOT_FOUND,
    SetupUnfinishedError: status.HTTP_409_CONFLICT,
    CardRefusedError: status.HTTP_409_CONFLICT,
    CardRemovedError: status.HTTP_409_CONFLICT,
    CardOwesError: status.HTTP_409_CONFLICT,
    ChargesUnderWayError: status.HTTP_409_CONFLICT,
    ProcessorAwayError: status.HTTP_503_SERVICE_UNAVAILABLE,
    ProfileChangedError: status.HTTP_412_PRECONDITION_FAILED,
    OtherTermsError: status.HTTP_409_CONFLICT,
    KycError: status.HTTP_409_CONFLICT,
    MoveError: status.HTTP_409_CONFLICT,
    ReadOnlyError: status.HTTP_503_SERVICE_UNAVAILABLE,
    LimitTooHighError: status.HTTP_400_BAD_REQUEST,
    errors_of_cards.CardRefusedError: status.HTTP_409_CONFLICT,
    UnusableMethodError: status.HTTP_409_CONFLICT,
    RefusedError: status.HTTP_409_CONFLICT,
    EvidenceUnavailableError: status.HTTP_503_SERVICE_UNAVAILABLE,
    TooManyEndpointsError: status.HTTP_409_CONFLICT,
    EndpointOffError: status.HTTP_409_CONFLICT,
    StoppedByStaffError: status.HTTP_409_CONFLICT,
    IssuerError: status.HTTP_503_SERVICE_UNAVAILABLE,
    OneCardError: status.HTTP_400_BAD_REQUEST,
}
# The framework's code for a body with wrong fields says nothing; ours is stable.
CODES: Final = {"invalid": "invalid_request", "error": "server_error"}


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turns an error of ours or the framework's into problem details; returns None for a fault of ours, which is 500.

    DRF calls this for every error that a view raises (REST_FRAMEWORK["EXCEPTION_HANDLER"]).
    """
    request = context["request"]
    if isinstance(error, OneCardError):
        set_rollback()
        return _of_domain(request, error)
    error = _as_framework_error(error)
    answer = exception_handler(error, context)
    if answer is not None and isinstance(error, exceptions.APIException):
        code = str(getattr(error.detail, "code", error.default_code))
        answer.data = body(request, answer.status_code, code, sentence(error), fields(error))
        answer.content_type = CONTENT_TYPE
    return answer


def status_of(kind: type[OneCardError]) -> int:
    """Returns the HTTP status of an error: that of its own class, or of the nearest base class with one."""
    return next(STATUS[each] for each in kind.__mro__ if each in STATUS)


def body(
    request: HttpRequest | Request, status_code: int, code: str, detail: str, errors: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Returns the members of problem details; `errors` has the sentences of each wrong field."""
    code = CODES.get(code, code)
    found: dict[str, Any] = {
        "type": f"/api/docs/problems#{code}",
        "title": HTTPStatus(status_code).phrase,
        "status": status_code,
        "code": code,
        "detail": _encodable(detail),
        "request_id": request_id(request),
    }
    return {**found, "errors": _encodable(errors)} if errors else found


def sentence(error: exceptions.APIException) -> str:
    """Returns what was wrong, in a sentence."""
    if isinstance(error.detail, str):
        return str(error.detail)
    return "Some fields are missing or wrong: errors names each." if fields(error) else str(error.default_detail)


def fields(error: exceptions.APIException) -> dict[str, Any]:
    """Returns the sentences of each wrong field; those of no field in particular are under `non_field_errors`."""
    detail: Any = error.detail
    if isinstance(detail, list):
        return {"non_field_errors": [str(each) for each in detail]}
    return detail if isinstance(detail, dict) else {}


def _encodable(said: Any) -> Any:
    """Returns sentences with what UTF-8 cannot hold replaced: they may repeat what was sent."""
    if isinstance(said, dict):
        return {_encodable(name): _encodable(each) for name, each in said.items()}
    if isinstance(said, list):
        return [_encodable(each) for each in said]
    return said.encode(errors="replace").decode() if isinstance(said, str) else said


def not_found(request: HttpRequest) -> JsonResponse:
    """Answers an address under /api/ that leads nowhere."""
    said = body(request, status.HTTP_404_NOT_FOUND, "not_found", "There is no such address in this API.")
    return JsonResponse(said, status=status.HTTP_404_NOT_FOUND, content_type=CONTENT_TYPE)


def _of_domain(request: Request, error: OneCardError) -> Response:
    status_code = status_of(type(error))
    errors = getattr(error, "errors", None)
    said = body(request, status_code, error.code, error.message, errors)
    answer = Response(said, status=status_code, content_type=CONTENT_TYPE)
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s:
        answer["Retry-After"] = str(math.ceil(retry_after_s))
    return answer


def _as_framework_error(error: Exception) -> Exception:
    if isinstance(error, Http404):
        return exceptions.NotFound()
    return exceptions.PermissionDenied() if isinstance(error, PermissionDenied) else error
