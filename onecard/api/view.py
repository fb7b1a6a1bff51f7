"""The base of every view of the frontend API: who asks, in which form, how often, and how it is refused."""

from typing import Any

from rest_framework import exceptions
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from onecard.api.access import IsPerson
from onecard.api.authentication import AppSession, WebSession
from onecard.api.throttles import PerPerson


class DeepJSONParser(JSONParser):
    """The framework's parser; a body that is nested too deeply is a client error, not a fault."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise exceptions.ParseError("The JSON is nested too deeply.") from None


class ApiView(APIView):
    """JSON in and out for one logged-in person, who sees only their own things; nothing is cached on the way.

    A view parses, makes one domain call and renders. Errors become problem details (onecard/api/problems.py).
    """

    authentication_classes = [AppSession, WebSession]
    permission_classes: list[type[BasePermission]] = [IsPerson]
    parser_classes = [DeepJSONParser]
    renderer_classes = [JSONRenderer]
    throttle_classes = [PerPerson]
    # Reads and writes are counted apart; a view with costly calls names a scope of its own.
    throttle_scope = ""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer


def body_of(request: Request) -> dict[str, Any]:
    """Returns the body as an object; raises ParseError for a list, text or number."""
    if not isinstance(request.data, dict):
        raise exceptions.ParseError("Send a JSON object, such as {}.")
    return request.data
