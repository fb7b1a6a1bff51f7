"""Refusals in Marqeta's shape."""

from collections.abc import Mapping

from tests.sandbox.wire import Answer


class ApiError(Exception):
    """A call that Marqeta would answer with an error.

    The first three digits of `error_code` are the status, as Marqeta's are; the last three are the sandbox's own.
    """

    def __init__(
        self, message: str, *, status: int = 400, detail: int = 1, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.headers = headers or {}

    def to_answer(self) -> Answer:
        """Render the error as an HTTP answer."""
        body = {"error_code": f"{self.status}{self.detail:03d}", "error_message": str(self)}
        return Answer.of(self.status, body, self.headers)


def not_authorized() -> ApiError:
    """Build the refusal of wrong credentials."""
    return ApiError("Not authorized: check the application token and the access token.", status=401)


def too_many_requests(*, headers: Mapping[str, str] | None = None) -> ApiError:
    """Build the refusal of a call above the program's rate limit."""
    return ApiError("Too many requests for this program.", status=429, headers=headers)
