"""The cardholder's own API for cards. Every error is {"error": {"code", "message"}} with a sentence for people."""

import math
import uuid
from typing import Any

from django.views.decorators.debug import sensitive_variables
from rest_framework import exceptions, status
from rest_framework.authentication import SessionAuthentication
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from issuing.card_data.reveal import NonceError, NoSuchCardError, NotRevealableError, grant_to_cardholder
from issuing.card_data.vault import TooManyRevealsError
from issuing.issuers.base import IssuerError, RefusedError
from onecard.kit.errors import OneCardError

STATUS: dict[type[OneCardError], int] = {
    NoSuchCardError: status.HTTP_404_NOT_FOUND,
    NotRevealableError: status.HTTP_409_CONFLICT,
    TooManyRevealsError: status.HTTP_429_TOO_MANY_REQUESTS,
    RefusedError: status.HTTP_409_CONFLICT,
    IssuerError: status.HTTP_503_SERVICE_UNAVAILABLE,
    OneCardError: status.HTTP_400_BAD_REQUEST,
}


class DeepJSONParser(JSONParser):
    """The framework's parser; a body that is nested too deeply is a client error, not a fault."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise exceptions.ParseError("The JSON is nested too deeply.") from None


class CardholderView(APIView):
    """The base of all such views: the session, JSON, no cache, and errors of one shape."""

    authentication_classes = [SessionAuthentication]
    permission_classes = [IsAuthenticated]
    parser_classes = [DeepJSONParser]

    def handle_exception(self, exc: Exception) -> Response:
        """Turns our and the framework's errors into sentences; any other error is logged and not shown."""
        if isinstance(exc, OneCardError):
            response = _refusal(exc.code, exc.message, status_of(exc))
            retry_after_s = getattr(exc, "retry_after_s", None)
            if retry_after_s:
                response["Retry-After"] = str(math.ceil(retry_after_s))
            return response
        response = super().handle_exception(exc)
        if isinstance(exc, exceptions.APIException):
            response.data = _error(str(getattr(exc.detail, "code", exc.default_code)), _sentence(exc))
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer


class RevealToken(CardholderView):
    """POST {"nonce"}: a short-lived secret with which the cardholder's own device fetches the card's number."""

    @sensitive_variables()
    def post(self, request: Request, public_id: uuid.UUID) -> Response:
        grant = grant_to_cardholder(public_id=public_id, user=request.user, nonce=_nonce(request.data))  # type: ignore[arg-type]
        return Response({"kind": grant.kind, "secret": grant.secret, "expires_in_s": grant.expires_in_s})


def status_of(error: OneCardError) -> int:
    """The HTTP status of an error: that of its own class, or of the nearest base class with one."""
    return next(STATUS[each] for each in type(error).__mro__ if each in STATUS)


def _nonce(body: Any) -> str:
    if not isinstance(body, dict):
        raise NonceError('Send a JSON object such as {"nonce": "..."}.')
    nonce = body.get("nonce", "")
    if not isinstance(nonce, str):
        raise NonceError("The nonce must be text.")
    return nonce


def _sentence(error: exceptions.APIException) -> str:
    return str(error.detail) if isinstance(error.detail, str) else str(error.default_detail)


def _refusal(code: str, message: str, status_code: int) -> Response:
    return Response(_error(code, message), status=status_code)


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
