"""The hourly comparisons, cut to the length of a task; an interrupted one is continued."""

import logging
import time

from celery.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ImproperlyConfigured

from issuing.issuers.base import IssuerError
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
    reached = []
    for provider in due_providers(clock.now()):
        try:
            sync_provider(provider, requested_by="system:sync", time_is_up=lambda: time.monotonic() > end)
        except SyncBusyError:
            continue
        except SoftTimeLimitExceeded:
            raise  # The next task does the page again.
        except (IssuerError, ImproperlyConfigured) as error:
            log.warning("The comparison with %s stopped and goes on later: %s", provider, error)
        except Exception:
            log.exception("The comparison with %s stopped and goes on later.", provider)
        else:
            reached.append(provider)
    return reached
