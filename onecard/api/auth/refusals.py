"""allauth's refusals as problem details, the form that every other error of the API has.

401 stays as it is: it is no error, but says which step comes next. So does the answer with the key of a new
authenticator app, which allauth gives as a 404.
"""

import json
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.csrf import csrf_failure

from onecard.api import problems

# allauth tells these as wrong fields; they are limits.
LIMITS: Final = {"too_many_login_attempts", "rate_limited"}
RETRY_AFTER_S: Final = 60
SENTENCES: Final[dict[int, tuple[str, str]]] = {
    400: ("parse_error", "The body is not readable: send a JSON object in UTF-8."),
    403: ("permission_denied", "This may not be done with this login."),
    404: ("not_found", "There is no such thing here, or it is not yours."),
    405: ("method_not_allowed", "This address has no such method: Allow names those that it has."),
    409: ("no_such_step", "This step is not under way, or has ended: begin again."),
    429: ("throttled", "Too many requests: wait as long as Retry-After says."),
}
# What allauth and we refuse while people join and log in, beyond the codes that every operation has.
OF_JOINING: Final[dict[str, tuple[int, str]]] = {
    "cannot_generate_recovery_codes": (400, "Recovery codes need an authenticator app or a passkey first."),
    "csrf_failed": (403, "A page sent no CSRF token, or a wrong one."),
    "duplicate_email": (400, "This is the login's address already."),
    "email_password_mismatch": (400, "There is no such address, or the password is not its own."),
    "email_taken": (400, "Another login has this address."),
    "enter_current_password": (400, "The present password is wrong."),
    "incorrect_code": (400, "The code or passkey is wrong, was used, or is for something else."),
    "incorrect_password": (400, "The password is wrong."),
    "no_such_step": (409, "The step is not under way, or has ended: begin again."),
    "not_a_person": (403, "The login is staff's, who use the back office."),
    "second_factor_needed": (400, "The login has a second factor, so the password alone is not enough."),
    "unverified_email": (409, "The address is not proved yet."),
}


def as_problem(request: HttpRequest, answer: HttpResponseBase) -> HttpResponse:
    """Returns the answer, or the problem that it is."""
    said = _body(answer)
    if not isinstance(answer, HttpResponse):
        raise TypeError("allauth streams no answer")
    is_step = answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.GONE) or "secret" in said.get("meta", {})
    if answer.status_code < HTTPStatus.BAD_REQUEST or is_step:
        return answer
    found = (
        _of_fields(request, said["errors"], answer.status_code) if said.get("errors") else _of_status(request, answer)
    )
    if "session_token" in said.get("meta", {}):
        found = problem_with(found, meta={"session_token": said["meta"]["session_token"]})
    return found


def problem(
    request: HttpRequest, status: int, code: str, detail: str, errors: dict[str, Any] | None = None
) -> JsonResponse:
    """Returns problem details that no cache keeps."""
    body = problems.body(request, status, code, detail, errors)
    answer = JsonResponse(body, status=status, content_type=problems.CONTENT_TYPE)
    answer["Cache-Control"] = "no-store"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        answer["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def problem_with(answer: HttpResponse, **more: Any) -> HttpResponse:
    """Adds members to a problem."""
    answer.content = json.dumps({**json.loads(answer.content), **more}).encode()
    return answer


def without_csrf_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answers a change from a page without its CSRF token: a problem in the API, Django's page elsewhere."""
    if request.path_info.startswith("/api/"):
        words = "The CSRF token is missing or wrong: send the cookie csrftoken as the header X-CSRFToken."
        return problem(request, 403, "csrf_failed", words)
    answer: HttpResponse = csrf_failure(request, reason)
    return answer


def _of_fields(request: HttpRequest, errors: list[dict[str, Any]], status: int) -> HttpResponse:
    codes = {str(each.get("code", "")) for each in errors}
    if codes & LIMITS:
        return _of_limit(request, errors)
    by_field: dict[str, list[str]] = {}
    for each in errors:
        by_field.setdefault(each.get("param", "non_field_errors"), []).append(str(each["message"]))
    code = codes.pop() if len(codes) == 1 else "invalid_request"
    detail = str(errors[0]["message"]) if len(errors) == 1 else "Some fields are missing or wrong: errors names each."
    return problem(request, status, "invalid_request" if code in ("required", "invalid") else code, detail, by_field)


def _of_limit(request: HttpRequest, errors: list[dict[str, Any]]) -> HttpResponse:
    return problem(request, 429, "throttled", next(str(each["message"]) for each in errors if each["code"] in LIMITS))


def _of_status(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    code, detail = SENTENCES.get(answer.status_code, SENTENCES[400])
    found = problem(request, answer.status_code, code, detail)
    if "Allow" in answer:
        found["Allow"] = answer["Allow"]
    return found


def _body(answer: HttpResponseBase) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.content) if isinstance(answer, JsonResponse) else {}
    return found
