"""The web server's entry point: complete requests only, decisions in a lane of their own.

Run it as onecard.dev.stack.web_command does; docs/deployment.md says what else a deployment needs.
"""

import gc
import os
import resource
from functools import partial

from django.conf import settings

from onecard.kit.buffered_wsgi import BufferedWsgi, Lane
from onecard.kit.shed_at_once import ShedsAtOnce
from onecard.wsgi import application as wsgi_application  # Comes first: it reads the settings.

from issuing import journal  # isort: skip
from issuing.authorizations import deadlines, stand_in_keeper  # isort: skip
from issuing.webhooks import event_loop, shedding  # isort: skip

# Where a purchase is asked about, what each issuer's door does without a thread, and how it declines for want of one.
DECISION_PATHS = {
    "/stripe-webhook": (event_loop.STRIPE, shedding.decline_stripe),
    "/api/webhooks/stripe-issuing": (event_loop.STRIPE, shedding.decline_stripe),
    "/api/webhooks/marqeta/jit": (event_loop.MARQETA, shedding.decline_marqeta),
}
# Each thread keeps a database connection with its prepared statements: few are best.
DECISIONS = Lane(
    "decisions",
    threads=4,
    most_waiting=500,
    most_body=1024 * 1024,
    body_within_s=3,
    shed_after_s=deadlines.longest_wait_ms() / 1000,
    sheds={path: decline for path, (_, decline) in DECISION_PATHS.items()},
    looks_first={path: partial(event_loop.answer, door) for path, (door, _) in DECISION_PATHS.items()},
    is_swamped=event_loop.is_swamped,
)
# How much nicer the process of the desk is than the others (nice(2)).
GIVES_WAY = 10
# Pages, logins, the cardholder's API, Marqeta's notifications, health.
OTHERS = Lane("others", threads=4, most_waiting=100, most_body=10 * 1024 * 1024, body_within_s=10)


def _lane_of(path: str) -> Lane:
    return DECISIONS if path in DECISION_PATHS else OTHERS


def _allow_many_connections() -> None:
    """A slow client holds a connection, so there must be enough of them: as many as this process may have open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _give_way() -> None:
    """Has staff and cardholders wait for the processor rather than purchases, where both are on one machine."""
    if settings.ONECARD_ROLE == "desk":
        os.nice(GIVES_WAY)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onecard.settings")
_give_way()
_allow_many_connections()
application = BufferedWsgi(wsgi_application, _lane_of)
application.at_once = ShedsAtOnce(_lane_of)
journal.start_writer()
stand_in_keeper.start()
application.warm_up(DECISIONS, "/health/ready")
# What a process made at its start lives as long as it does: the collector need not look at it again and again.
gc.collect()
gc.freeze()
# What a request makes ends with it and needs no collector. At the usual 700 objects it ran again and again, and its
# longer runs looked at all of the thousands of remembered cards (docs/decisions/0074).
gc.set_threshold(50_000)
