"""The queue: how tasks are carried, which run by the clock, and who listens to which message of the outbox."""

import os
from typing import Any, Final

from celery import Celery, states
from celery.schedules import crontab
from celery.signals import task_failure, task_postrun, task_prerun
from django.db import close_old_connections
from kombu import Exchange, Queue

from onecard.kit.clock_tasks import ClockTask
from onecard.kit.transactions import abandon_transaction
from onecard.logs import task_context  # noqa: F401  (first of all that hears of a task, so that its lines have ids)
from onecard.start import read_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onecard.settings")
read_settings()

# Apps above call apps below. An app below puts a topic in the outbox, and these tasks above receive it.
SUBSCRIBERS: Final[dict[str, tuple[str, ...]]] = {
    "funding.requested": ("wallet.tasks.charge_funding",),
    "funding.failed": ("issuing.tasks.fall_back",),
    "cardholder.notify": ("issuing.tasks.notice_receivable",),
    "methods.check_requested": ("wallet.tasks.check_methods",),
    "card.setup_succeeded": ("wallet.tasks.complete_setup",),
    "card.detach_requested": ("wallet.tasks.detach_card",),
    "fees.booking_requested": ("wallet.tasks.book_fees",),
    "own_money.changed": ("wallet.tasks.book_own_money",),
    "refund.requested": ("wallet.tasks.refund_funding",),
    "card.change_requested": ("issuing.tasks.carry_out_card_change",),
    "card.sync_requested": ("issuing.tasks.sync_card",),
    "sync.requested": ("issuing.tasks.sync_requested",),
    "registration.check_requested": ("issuing.tasks.check_registration",),
    "reconcile.requested": ("issuing.tasks.carry_out_reconciliation",),
    "dispute.accepted": ("issuing.tasks.submit_dispute",),
    "inbox.received": ("issuing.tasks.handle_event",),
    "login.mail": ("onecard.api.tasks.send_login_mail",),
    "notice.mail": ("onecard.notices.tasks.send_mail",),
    "webhook.send": ("onecard.integrations.tasks.send_webhook",),
    "webhook.switched_off": ("onecard.notices.tasks.tell_of_webhook_off",),
    "staff.notify": ("onecard.second_factor.tasks.notify",),
    "rankings.preview_requested": ("issuing.tasks.preview_rankings",),
    "controls.preview_requested": ("issuing.tasks.preview_control",),
    "alert.send": ("onecard.alerts.tasks.send_message",),
    "alert.due": ("onecard.alerts.tasks.evaluate",),
    "events.refused": ("onecard.alerts.tasks.evaluate",),
}

# What the relay asks for messages before each batch: work that was committed and is not in the outbox yet.
SOURCES: Final[tuple[str, ...]] = ("issuing.journal.write_waiting",)

# Strangers' servers may be slow: a worker of its own for them keeps the others for money (docs/deployment.md).
DEFAULT_QUEUE, WEBHOOKS_QUEUE = "celery", "webhooks"

app: "Celery[Any]" = Celery("onecard", task_cls=ClockTask)
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
    task_default_queue=DEFAULT_QUEUE,
    task_queues=tuple(Queue(name, Exchange(name), routing_key=name) for name in (DEFAULT_QUEUE, WEBHOOKS_QUEUE)),
    task_routes={
        "onecard.integrations.tasks.send_webhook": {"queue": WEBHOOKS_QUEUE},
        "onecard.integrations.tasks.sweep_webhooks": {"queue": WEBHOOKS_QUEUE},
    },
    # Well over the hard time limit, so that no running task is handed out a second time.
    broker_transport_options={
        "visibility_timeout": 600,
        "socket_timeout": 5,
        "socket_connect_timeout": 1,
        "socket_keepalive": True,
    },
    broker_connection_timeout=1,
    broker_connection_retry_on_startup=True,
    # A task keeps its worker's database connection: making one anew for each costs the database more than the task.
    CELERY_DB_REUSE_MAX=1_000_000,
    # The outbox retries; a second layer of retries would only multiply the waiting (money-safety T6, T19).
    task_publish_retry=False,
    timezone="UTC",
    outbox_subscribers=SUBSCRIBERS,
    outbox_sources=SOURCES,
    beat_schedule={
        "sweep-funding": {"task": "wallet.tasks.sweep_funding", "schedule": 5.0, "options": {"expires": 5}},
        "sweep-refunds": {"task": "wallet.tasks.sweep_refunds", "schedule": 5.0, "options": {"expires": 5}},
        "sweep-saved-cards": {"task": "wallet.tasks.sweep_saved_cards", "schedule": 15.0, "options": {"expires": 15}},
        "sweep-carried": {"task": "wallet.tasks.sweep_carried", "schedule": crontab(minute=37)},
        "sweep-cascade": {"task": "wallet.tasks.sweep_cascade", "schedule": 30.0, "options": {"expires": 30}},
        # After midnight in New York, when cards of the month before have expired and few people shop.
        "check-methods": {"task": "wallet.tasks.check_methods", "schedule": crontab(hour=7, minute=20)},
        "expire-verifications": {"task": "wallet.tasks.expire_verifications", "schedule": crontab(minute=11)},
        "forget-old-requests": {"task": "onecard.api.tasks.forget_old_requests", "schedule": crontab(minute=53)},
        "forget-login-mails": {"task": "onecard.api.tasks.forget_login_mails", "schedule": crontab(minute=11)},
        "forget-expired-sessions": {
            "task": "onecard.api.tasks.forget_expired_sessions",
            "schedule": crontab(minute=29),
        },
        "add-months": {"task": "audit.tasks.add_months", "schedule": crontab(minute=19)},
        "forget-published": {"task": "onecard.outbox.tasks.forget_published", "schedule": 3600.0},
        "sweep-card-changes": {
            "task": "issuing.tasks.sweep_card_changes",
            "schedule": 15.0,
            "options": {"expires": 15},
        },
        "sweep-profile-updates": {
            "task": "issuing.tasks.sweep_profile_updates",
            "schedule": 15.0,
            "options": {"expires": 15},
        },
        "sweep-card-comparisons": {
            "task": "issuing.tasks.sweep_card_comparisons",
            "schedule": 15.0,
            "options": {"expires": 15},
        },
        "sweep-card-funding": {
            "task": "issuing.tasks.sweep_card_funding",
            "schedule": 10.0,
            "options": {"expires": 10},
        },
        "sweep-disputes": {"task": "issuing.tasks.sweep_disputes", "schedule": 60.0, "options": {"expires": 60}},
        "remind-disputes": {"task": "issuing.tasks.remind_of_disputes", "schedule": crontab(hour=6, minute=7)},
        "sweep-settling": {"task": "issuing.tasks.sweep_settling", "schedule": 30.0, "options": {"expires": 30}},
        "sweep-spend": {"task": "issuing.tasks.sweep_spend", "schedule": 5.0, "options": {"expires": 5}},
        "sweep-spend-far": {"task": "issuing.tasks.sweep_spend", "schedule": 3600.0, "kwargs": {"days": 2}},
        "sweep-spend-all": {
            "task": "issuing.tasks.sweep_spend",
            "schedule": crontab(hour=4, minute=31),
            "kwargs": {"days": 40},
        },
        "sweep-space-prices": {
            "task": "issuing.tasks.sweep_space_prices",
            "schedule": 60.0,
            "options": {"expires": 60},
        },
        # In the first days of a month; on all others it looks at the date and ends.
        "send-monthly-reports": {
            "task": "issuing.tasks.send_monthly_reports",
            "schedule": 60.0,
            "options": {"expires": 60},
        },
        "count-odds": {"task": "issuing.tasks.count_odds", "schedule": crontab(minute=23)},
        "sweep-rewards": {"task": "issuing.tasks.sweep_rewards", "schedule": 30.0, "options": {"expires": 30}},
        # Farther back each hour and each night: what the frequent look misses while everything stands still.
        "sweep-rewards-far": {"task": "issuing.tasks.sweep_rewards", "schedule": 3600.0, "kwargs": {"days": 2}},
        "sweep-rewards-all": {
            "task": "issuing.tasks.sweep_rewards",
            "schedule": crontab(hour=4, minute=47),
            "kwargs": {"days": 40},
        },
        "read-issuer-balances": {
            "task": "issuing.tasks.read_issuer_balances",
            "schedule": 300.0,
            "options": {"expires": 300},
        },
        "read-own-money": {
            "task": "wallet.tasks.read_own_money",
            "schedule": 600.0,
            "options": {"expires": 600},
        },
        "book-fees": {"task": "wallet.tasks.book_fees", "schedule": crontab(hour=2, minute=47)},
        "reconcile": {"task": "issuing.tasks.reconcile", "schedule": crontab(hour=3, minute=17)},
        "sweep-reconciliations": {
            "task": "issuing.tasks.sweep_reconciliations",
            "schedule": 30.0,
            "options": {"expires": 30},
        },
        "sweep-notice-mails": {
            "task": "onecard.notices.tasks.sweep_mails",
            "schedule": 15.0,
            "options": {"expires": 15},
        },
        "sweep-webhooks": {
            "task": "onecard.integrations.tasks.sweep_webhooks",
            "schedule": 15.0,
            "options": {"expires": 15},
        },
        "forget-old-events": {"task": "onecard.integrations.tasks.forget_old_events", "schedule": crontab(minute=41)},
        "evaluate-alerts": {"task": "onecard.alerts.tasks.evaluate", "schedule": 30.0, "options": {"expires": 30}},
        "sweep-alert-messages": {
            "task": "onecard.alerts.tasks.sweep_messages",
            "schedule": 15.0,
            "options": {"expires": 15},
        },
        "sweep-decision-notices": {
            "task": "issuing.tasks.sweep_decision_notices",
            "schedule": 5.0,
            "options": {"expires": 5},
        },
        "forget-counted": {"task": "issuing.tasks.forget_counted", "schedule": crontab(minute=23)},
        "count-hours": {"task": "issuing.tasks.count_hours", "schedule": 15.0, "options": {"expires": 15}},
        "count-metrics": {"task": "onecard.metrics.tasks.count", "schedule": 15.0, "options": {"expires": 15}},
        "count-figures": {"task": "onecard.desk.tasks.count_figures", "schedule": 120.0, "options": {"expires": 120}},
        "check-registrations": {
            "task": "issuing.tasks.check_registrations",
            "schedule": 600.0,
            "options": {"expires": 600},
        },
        "count-cards": {"task": "onecard.desk.tasks.count_cards", "schedule": 600.0, "options": {"expires": 600}},
        "sync-issuers": {"task": "issuing.tasks.sync_issuers", "schedule": 60.0, "options": {"expires": 60}},
        "sweep-ranking-previews": {
            "task": "issuing.tasks.sweep_ranking_previews",
            "schedule": 30.0,
            "options": {"expires": 30},
        },
        "sweep-control-previews": {
            "task": "issuing.tasks.sweep_control_previews",
            "schedule": 30.0,
            "options": {"expires": 30},
        },
        "sweep-inbox": {"task": "issuing.tasks.sweep_inbox", "schedule": 15.0, "options": {"expires": 15}},
    },
)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
_BY_THE_CLOCK: Final = frozenset(entry["task"] for entry in app.conf.beat_schedule.values())
# The others run for long, once an hour or a night, and keep track of themselves.
app.conf.one_at_a_time = frozenset(
    entry["task"] for entry in app.conf.beat_schedule.values() if "expires" in entry.get("options", {})
)


@task_prerun.connect
def renew_old_connections(**_: object) -> None:
    """Ends a connection that is broken or too old before a task, as Django does before a request (CONN_MAX_AGE).

    The task before may have been interrupted where it left a transaction open.
    """
    abandon_transaction()
    close_old_connections()


@task_postrun.connect
def note_end(task: Any, state: str | None = None, **_: object) -> None:
    """Notes for the health page that a task of the clock has come to its end."""
    if state == states.SUCCESS and task.name in _BY_THE_CLOCK:
        from onecard.desk import task_runs  # Django has loaded its apps by now.

        task_runs.note_end(task.name)


@task_failure.connect
def note_failure(sender: Any, exception: Exception, **_: object) -> None:
    """Notes for the health page that a task of the clock failed."""
    if sender.name in _BY_THE_CLOCK:
        from onecard.desk import task_runs

        task_runs.note_end(sender.name, error=type(exception).__name__)


@task_prerun.connect
def bind_subject(task: Any, kwargs: dict[str, Any] | None = None, **_: object) -> None:
    """Adds the purchase that a task is about to its lines, where its message came without."""
    from onecard import task_subjects

    task_subjects.bind(kwargs or {})
