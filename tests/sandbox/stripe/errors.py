"""Refusals in Stripe's shape."""

from collections.abc import Mapping

from tests.sandbox.wire import Answer, Json


class ApiError(Exception):
    """A call that Stripe would answer with an error; `more` adds fields to the error body."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        more: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        named = {"code": code, "param": param, **(more or {})}
        given = {name: value for name, value in named.items() if value is not None}
        self.error: Json = {"type": kind, "message": message, **given}

    def to_answer(self) -> Answer:
        """Render the error as an HTTP answer."""
        return Answer.of(self.status, {"error": self.error}, self.headers)


class RefusedError(ApiError):
    """A call turned away before it was carried out: its idempotency key stays free."""


def too_many_requests(*, headers: Mapping[str, str] | None = None) -> RefusedError:
    """Build the refusal of a call above the rate limit."""
    return RefusedError("Too many requests in too short a time.", status=429, code="rate_limit", headers=headers)


def unexpected_state(kind: str, thing: Json, deed: str, *, code: str = "") -> ApiError:
    """Build the refusal of a deed that the object's status does not allow."""
    return ApiError(
        f"This {kind} cannot be {deed} because it has a status of {thing['status']}.",
        code=code or f"{kind.lower()}_unexpected_state".replace("paymentintent", "payment_intent"),
    )
