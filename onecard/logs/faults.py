"""Sends each line of level ERROR or above to Sentry, with its ids and its traceback, and nothing of requests.

Django and Celery log what they could not handle, so the log is enough. Their integrations are off: these collect
addresses, headers, cookies and arguments, and cost every decision time.
"""

import logging
from typing import TYPE_CHECKING, Any, Final

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.logging import LoggingIntegration

from onecard.kit import log_context
from onecard.logs import covering

if TYPE_CHECKING:
    from sentry_sdk._types import Event, Hint

# What of an event is sent as it is; it comes from the library and from our own settings.
KEPT: Final = ("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "server_name", "sdk")
FRAME: Final = ("filename", "abs_path", "module", "function", "lineno", "in_app", "context_line")


def start(*, dsn: str, release: str) -> None:
    """Begins to send."""
    sentry_sdk.init(
        dsn=dsn,
        release=release or None,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            DedupeIntegration(),
            AtexitIntegration(callback=lambda _pending, _timeout: None),
        ],
        before_send=scrubbed,
        max_breadcrumbs=0,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        send_client_reports=False,
        auto_session_tracking=False,
    )


def scrubbed(event: "Event", _hint: "Hint") -> "Event":
    """Returns a new event of what may leave, so that whatever the library adds some day stays here."""
    given: dict[str, Any] = dict(event)
    kept: dict[str, Any] = {name: given[name] for name in KEPT if name in given}
    kept["tags"] = covering.value(log_context.bound())
    said = given.get("logentry") or {}
    if said:
        kept["logentry"] = {name: covering.text(str(said[name])) for name in ("message", "formatted") if said.get(name)}
    raised = (given.get("exception") or {}).get("values") or []
    if raised:
        kept["exception"] = {"values": [_raised(each) for each in raised]}
    return kept  # type: ignore[return-value]


def _raised(each: dict[str, Any]) -> dict[str, Any]:
    frames = (each.get("stacktrace") or {}).get("frames") or []
    return {
        "type": each.get("type"),
        "module": each.get("module"),
        "value": covering.text(str(each.get("value") or "")),
        "stacktrace": {"frames": [{name: frame[name] for name in FRAME if name in frame} for frame in frames]},
    }
