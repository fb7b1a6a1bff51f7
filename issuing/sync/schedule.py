"""Comparisons that nobody asks for: hourly, in stretches that fit into a task; an interrupted one goes on."""

import logging
import time

from celery.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ImproperlyConfigured

from issuing.issuers.base import IssuerError
from issuing.sync.run import SyncBusyError, due_providers, sync_provider
from onecard.kit import clock

log = logging.getLogger(__name__)

# Of the 60 s that a task may take; a page that has begun is finished.
TIME_BUDGET_S = 25.0


def sync_due() -> list[str]:
    """Begins or goes on with what is due, and gives the issuers that were reached; one issuer's trouble is its own."""
    end = time.monotonic() + TIME_BUDGET_S
    reached = []
    for provider in due_providers(clock.now()):
        try:
            sync_provider(provider, requested_by="system:sync", time_is_up=lambda: time.monotonic() > end)
        except SyncBusyError:
            continue
        except SoftTimeLimitExceeded:
            raise  # The page is done again by the next task.
        except (IssuerError, ImproperlyConfigured) as error:
            log.warning("The comparison with %s stopped and goes on later: %s", provider, error)
        except Exception:
            log.exception("The comparison with %s stopped and goes on later.", provider)
        else:
            reached.append(provider)
    return reached
