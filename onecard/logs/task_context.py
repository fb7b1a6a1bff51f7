"""Carries the ids of a request or an event to the tasks that it causes, and writes a line when a task ends.

django-structlog puts what is bound into a task's headers and binds it again in the worker.
"""

import logging
import logging.config
from typing import Any

from celery.signals import before_task_publish, setup_logging, task_prerun, task_retry, task_revoked, task_success
from django.conf import settings
from django.dispatch import receiver
from django_structlog.celery.receivers import CeleryReceiver
from django_structlog.celery.signals import bind_extra_task_metadata

from onecard.kit import log_context

_receiver = CeleryReceiver()
# Not those of failures and of publishing: Celery itself logs a failure, and one line for a task is enough.
before_task_publish.connect(_receiver.receiver_before_task_publish)
task_prerun.connect(_receiver.receiver_task_prerun)
task_retry.connect(_receiver.receiver_task_retry)
task_revoked.connect(_receiver.receiver_task_revoked)
task_success.connect(_receiver.receiver_task_success)


@receiver(bind_extra_task_metadata)
def name_task(task: Any, **_: Any) -> None:
    """Adds the task's name to its lines."""
    log_context.bind(task=task.name)


@setup_logging.connect
def log_as_everywhere(loglevel: int | str | None = None, **_: Any) -> None:
    """Has worker and beat log as all other processes do, from the level of their command line on."""
    logging.config.dictConfig(settings.LOGGING)
    if loglevel:
        logging.getLogger().setLevel(loglevel)
