"""Says at once when an issuer refuses our credentials, and then not again for ten minutes.

The hook writes what the alerts of onecard/alerts/ are evaluated from (issuing/operations/alarm.py).
"""

import logging
import threading
import time
from collections.abc import Callable

from issuing.issuers.guard.redis_scripts import Shared

log = logging.getLogger(__name__)

EVERY_S = 600
_FIRST = "if redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then return 1 else return 0 end"

Hook = Callable[[str, str], None]

_hooks: list[Hook] = []
_last_alert_at: dict[str, float] = {}
_lock = threading.Lock()


def add_hook(hook: Hook) -> None:
    """Adds a function that is called with the provider and a sentence, besides the line in the log."""
    _hooks.append(hook)


def authentication_failed(provider: str, *, link: Shared) -> None:
    """Logs and calls the hooks, once in ten minutes over all processes, or per process without Redis."""
    if not _is_due(provider, link):
        return
    sentence = f"The issuer {provider} does not accept our credentials: no card can be made or changed until they work."
    log.critical("%s", sentence)
    for hook in _hooks:
        try:
            hook(provider, sentence)
        except Exception:
            log.exception("An alert about the issuer %s could not be passed on.", provider)


def forget() -> None:
    """Removes the hooks, and forgets which alerts were given: for tests."""
    _hooks.clear()
    forget_given()


def forget_given() -> None:
    """Forgets which alerts this process has given: for tests."""
    _last_alert_at.clear()


def _is_due(provider: str, link: Shared) -> bool:
    answer = link.run(_FIRST, f"{provider}:alerted", EVERY_S)
    if answer is not None:
        return bool(answer)
    now = time.monotonic()
    with _lock:
        is_due = now - _last_alert_at.get(provider, -EVERY_S) >= EVERY_S
        if is_due:
            _last_alert_at[provider] = now
    return is_due
