"""One log line for each event, with its ids: JSON for machines, or columns for people (docs/decisions/0055).

Every line goes through `LineFormatter`, whether our modules, Django, Celery or another library wrote it.
"""

import datetime as dt
import json
import logging
import sys
from typing import Any, Final

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from onecard.kit import log_context
from onecard.logs import covering

FORMATS: Final = ("json", "console")
# What a call of logging may add by `extra`. Whatever else is on a record came from a library, and may be a request.
EXTRA: Final = ("method", "route", "status", "duration_ms", "object_id", "customer_id", "card_id", "charge_id")
FIRST: Final = ("time", "level", "logger", "message", *log_context.CARRIED, "task", "task_id")


def settings(log_format: str, release: str) -> dict[str, Any]:
    """Returns Django's setting LOGGING, and has the loggers of structlog write as those of the standard library do."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # Python's warnings are lines too.
    logging.captureWarnings(capture=True)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"()": "onecard.logs.lines.LineFormatter", "log_format": log_format, "release": release},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {
            # The package logs each call at INFO; what matters of it is in our own rows.
            "stripe": {"level": "WARNING"},
            # Django would mail every fault's report, with what its frames held, to ADMINS; they get our own mails only.
            "django": {"handlers": []},
            # A declined purchase is a 402 at Marqeta's gateway and nothing to warn of.
            "django.request": {"level": "ERROR"},
            # One line says how a task ended (onecard/logs/task_context.py); Celery's own two have no ids.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
        "root": {"handlers": ["console"], "level": "INFO"},
    }


class LineFormatter(ProcessorFormatter):
    """Formats any record as one line; one that cannot be formatted becomes a line that says so, never an error."""

    def __init__(self, *_args: object, log_format: str = "json", release: str = "", **_options: object) -> None:
        shaped: list[Processor] = [
            _with_ids,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            _arranged,
            covering.cover,
            _renderer(log_format),
        ]
        super().__init__(processors=shaped)
        self._release = {"release": release} if release else {}

    def format(self, record: logging.LogRecord) -> str:
        record.__dict__["_release"] = self._release
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001  (a line that cannot be written must not end what it tells of)
            return self._instead(record, error)

    def _instead(self, record: logging.LogRecord, error: Exception) -> str:
        # Not the record's own message: it may be what cannot be covered.
        said = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": f"A line of {record.pathname}:{record.lineno} could not be written: {type(error).__name__}.",
        }
        return json.dumps(said | self._release)


def _with_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Adds time, level, logger, the ids that are bound, and what the call gave by `extra`."""
    record: logging.LogRecord = event.pop("_record")
    is_ours = event.pop("_from_structlog")
    given = record.__dict__
    extra = {} if is_ours else {name: given[name] for name in EXTRA if name in given}
    about = {"time": _moment(record), "level": record.levelname.lower(), "logger": record.name}
    return {**about, **log_context.bound(), **given["_release"], **extra, **event}


def _arranged(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Calls the sentence `message` and puts what everybody looks for first."""
    message = str(event.pop("event", ""))
    # Celery repeats the traceback in the message.
    event["message"] = message.partition("\nTraceback (most recent")[0] if "exception" in event else message
    return {**{name: event[name] for name in FIRST if name in event}, **event}


def _moment(record: logging.LogRecord) -> str:
    return dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _renderer(log_format: str) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        event_key="message",
        timestamp_key="time",
        sort_keys=False,
        # The other formatters of structlog show what the frames of a traceback held.
        exception_formatter=structlog.dev.plain_traceback,
        pad_event_to=0,
    )
