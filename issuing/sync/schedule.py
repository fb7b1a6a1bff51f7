"""The hourly comparisons, cut to the length of a task; an interrupted one is continued."""

import logging
import time

from celery.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ImproperlyConfigured

from issuing import states
from issuing.issuers.base import IssuerError
from issuing.models import SyncRun
from issuing.sync.run import SyncBusyError, due_providers, sync_provider
from onecard.kit import clock

log = logging.getLogger(__name__)

# A task may take 60 s. No page is begun after this many; one that was begun is finished.
TIME_BUDGET_S = 25.0


def sync_due() -> list[str]:
    """Begins or continues the due comparisons.

    An issuer's failure stops no other. Returns the issuers that answered.
    """
    end = time.monotonic() + TIME_BUDGET_S
    return [provider for provider in due_providers(clock.now()) if _reached(provider, "system:sync", end)]


def sync_requested(*, run_id: int) -> None:
    """Goes on with the comparison that a person asked for; after its time the next `sync_due` does."""
    run = SyncRun.objects.filter(pk=run_id, status=states.Sync.RUNNING).first()
    if run is not None:
        _reached(run.provider, run.requested_by, time.monotonic() + TIME_BUDGET_S)


def _reached(provider: str, requested_by: str, end: float) -> bool:
    """Returns whether the issuer answered; an error is kept for the page of the comparison, which goes on later."""
    try:
        sync_provider(provider, requested_by=requested_by, time_is_up=lambda: time.monotonic() > end)
    except SyncBusyError:
        return False
    except SoftTimeLimitExceeded:
        raise  # The next task does the page again.
    except (IssuerError, ImproperlyConfigured) as error:
        log.warning("The comparison with %s stopped and goes on later: %s", provider, error)
        _keep_problem(provider, getattr(error, "message", str(error)))
    except Exception as error:
        log.exception("The comparison with %s stopped and goes on later.", provider)
        _keep_problem(provider, f"It failed; the worker's log has the reason ({type(error).__name__}).")
    else:
        return True
    return False


def _keep_problem(provider: str, sentence: str) -> None:
    running = SyncRun.objects.filter(provider=provider, status=states.Sync.RUNNING)
    running.update(problem=sentence[:300])
