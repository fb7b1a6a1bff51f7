"""Is the process alive, and can it decide? For load balancers and for the launcher."""

import logging
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from issuing.stand_in import state
from onecard.kit.postgresql.time_limits import give_up_after

log = logging.getLogger(__name__)

# A database that answers no later than this is one that decisions can be made with.
ANSWERED_WITHIN_S = 1.0


@require_safe
def live(_request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all."""
    return JsonResponse({"status": "alive"})


@require_safe
def ready(_request: HttpRequest) -> JsonResponse:
    """200 when a decision could be made now; 503 with the reason otherwise.

    The broker is left out on purpose: approvals go on without it (money-safety F7). Both say when stand-in answered
    last on this machine, and whether its answers wait to be folded in.
    """
    version, why_not = readiness()
    if why_not:
        return JsonResponse({"status": "unready", "reason": why_not, **_stand_in()}, status=503)
    return JsonResponse({"status": "ready", "rulebook_version": version, **_stand_in()})


def readiness() -> tuple[int, str]:
    """Returns the version of the rulebook, and why no decision could be made now; "" where one could."""
    try:
        with give_up_after(ANSWERED_WITHIN_S), connection.cursor() as cursor:
            cursor.execute("SELECT version FROM routing_rulebook")
            row = cursor.fetchone()
    except DatabaseError:
        # The reason names hosts and users, so it goes to the log and not to whoever asks.
        log.exception("not ready")
        connection.close()
        return 0, "The database does not answer; see the log."
    return (row[0], "") if row else (0, "There is no rulebook; run manage.py migrate.")


def _stand_in() -> dict[str, Any]:
    try:
        found = state.read()
    except OSError:
        log.exception("STAND_IN_DIR cannot be read")
        return {"stand_in": "unusable"}
    if found is None:
        return {}
    return {"stand_in": {"is_waiting": found.is_waiting, "last_answer_at": found.last_answer_at}}
