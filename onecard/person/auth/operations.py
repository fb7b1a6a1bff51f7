"""Asks an operation of the API's joining for a page, so that pages and apps have the same steps, limits and trail."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from allauth.headless.constants import Client
from django.http import HttpRequest, QueryDict
from django.views.decorators.debug import sensitive_variables


@dataclass(frozen=True, slots=True)
class Said:
    """What an operation answered: 200 done, 401 a step comes next, 409 no such step, anything else a problem."""

    status: int
    content: dict[str, Any]
    retry_after: str = ""

    @property
    def is_done(self) -> bool:
        return self.status == HTTPStatus.OK

    @property
    def data(self) -> Any:
        return self.content.get("data")

    @property
    def pending(self) -> list[dict[str, Any]]:
        """The steps that are under way, in allauth's words."""
        flows = (self.data or {}).get("flows", []) if isinstance(self.data, dict) else []
        return [each for each in flows if each.get("is_pending")]

    @property
    def errors(self) -> dict[str, list[str]]:
        """The sentences of each wrong field; those of no field are under ""."""
        return self.content.get("errors") or {"": [str(self.content.get("detail", ""))]}


class _Given:
    """Reads what the page gives in place of a JSON body."""

    given: ClassVar[Mapping[str, Any]] = {}

    def _parse_json(self, request: HttpRequest) -> dict[str, Any]:
        return dict(self.given)


@sensitive_variables("given")
def ask(
    request: HttpRequest,
    operation: type[Any],
    *,
    method: str = "POST",
    given: Mapping[str, Any] | None = None,
    query: str = "",
) -> Said:
    """Has the operation answer this request, as if it had come with this method, body and query."""
    view: Any = type(operation.__name__, (_Given, operation), {})
    kept = request.method, request.GET
    request.method, request.GET = method, QueryDict(query)
    try:
        answer = view.as_api_view(client=Client.BROWSER, given=given or {})(request)
    finally:
        request.method, request.GET = kept
    return Said(answer.status_code, json.loads(answer.content), answer.get("Retry-After", ""))
