"""What a deployment may have beside the log: faults at Sentry, traces at a collector. Not imported unless set."""

from importlib.util import find_spec
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# Each setting and the packages without which it can do nothing, by the names under which they are imported.
NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "SENTRY_DSN": ("sentry_sdk",),
    "OTEL_EXPORTER_OTLP_ENDPOINT": (
        "opentelemetry.sdk",
        "opentelemetry.exporter.otlp.proto.http",
        "opentelemetry.instrumentation.django",
        "opentelemetry.instrumentation.celery",
    ),
}


def require(setting: str, given: str, packages: tuple[str, ...] | None = None) -> str:
    """Returns the setting's value; raises ImproperlyConfigured when it is given without its packages."""
    missing = [name for name in packages or NEEDS[setting] if given and not _is_there(name)]
    if missing:
        raise ImproperlyConfigured(
            f"{setting} is set, but {', '.join(missing)} is not installed; install requirements-reports.txt, or leave "
            f"{setting} out."
        )
    return given


def start() -> None:
    """Starts what is set, once a process, before its first request or task."""
    if settings.SENTRY_DSN:
        from onecard.logs import faults

        faults.start(dsn=settings.SENTRY_DSN, release=settings.RELEASE)
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        from onecard.logs import traces

        traces.start(endpoint=settings.OTEL_EXPORTER_OTLP_ENDPOINT, release=settings.RELEASE)


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
