"""The queue: how tasks are carried, which run by the clock, and who listens to which message of the outbox."""

import os
from typing import Final

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onecard.settings")

# Calls go down, news comes up: an app puts a topic in the outbox, and the tasks named here hear of it.
SUBSCRIBERS: Final[dict[str, tuple[str, ...]]] = {
    "funding.requested": ("wallet.tasks.charge_funding",),
    "card.change_requested": ("issuing.tasks.carry_out_card_change",),
    "card.sync_requested": ("issuing.tasks.sync_card",),
    "inbox.received": ("issuing.tasks.handle_event",),
}

app = Celery("onecard")
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    # A worker that dies gives its task back; every task is safe to run twice (money-safety T8, F8, F9).
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_soft_time_limit=60,
    task_time_limit=90,
    # Well over the hard time limit, so that no running task is handed out a second time.
    broker_transport_options={
        "visibility_timeout": 600,
        "socket_timeout": 5,
        "socket_connect_timeout": 1,
        "socket_keepalive": True,
    },
    broker_connection_timeout=1,
    broker_connection_retry_on_startup=True,
    # The outbox retries; a second layer of retries would only multiply the waiting (money-safety T6, T19).
    task_publish_retry=False,
    timezone="UTC",
    outbox_subscribers=SUBSCRIBERS,
    beat_schedule={
        "sweep-funding": {"task": "wallet.tasks.sweep_funding", "schedule": 5.0, "options": {"expires": 5}},
        "forget-published": {"task": "onecard.outbox.tasks.forget_published", "schedule": 3600.0},
        "sweep-card-changes": {
            "task": "issuing.tasks.sweep_card_changes",
            "schedule": 15.0,
            "options": {"expires": 15},
        },
        "sweep-card-funding": {
            "task": "issuing.tasks.sweep_card_funding",
            "schedule": 10.0,
            "options": {"expires": 10},
        },
        "sync-issuers": {"task": "issuing.tasks.sync_issuers", "schedule": 60.0, "options": {"expires": 60}},
        "sweep-inbox": {"task": "issuing.tasks.sweep_inbox", "schedule": 15.0, "options": {"expires": 15}},
    },
)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
