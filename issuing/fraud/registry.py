"""The hooks that FRAUD_HOOKS names, imported and checked once when the process starts."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from issuing.fraud.breaker import Breaker
from issuing.fraud.threads import HookThreads
from issuing.fraud.verdicts import FrozenFacts, Verdict

LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook; `name` is the last part of its path, `may_decline` whether its declines are followed."""

    name: str
    path: str
    call: Callable[[FrozenFacts], Verdict]
    is_inline: bool
    may_decline: bool
    breaker: Breaker = field(default_factory=Breaker)
    threads: HookThreads = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "threads", HookThreads(self.name))


def hooks() -> tuple[Hook, ...]:
    """Returns the hooks in the order of FRAUD_HOOKS. Raises ImproperlyConfigured with what is wrong with one."""
    return _hooks(tuple(settings.FRAUD_HOOKS), tuple(settings.FRAUD_DECLINING_HOOKS))


@functools.lru_cache(maxsize=8)
def _hooks(paths: tuple[str, ...], declining: tuple[str, ...]) -> tuple[Hook, ...]:
    found = tuple(_hook(path, may_decline=path in declining) for path in paths)
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ImproperlyConfigured(
                f"FRAUD_HOOKS has two hooks called {name}: the last part of each path must be another."
            )
    for path in declining:
        if path not in paths:
            raise ImproperlyConfigured(
                f"FRAUD_DECLINING_HOOKS names {path}, which FRAUD_HOOKS does not: add it there, or leave it out here."
            )
    return found


def _hook(path: str, *, may_decline: bool) -> Hook:
    wrong = f"FRAUD_HOOKS names {path}"
    try:
        call = import_string(path)
    except Exception as error:
        raise ImproperlyConfigured(
            f"{wrong}, which cannot be imported: {error}. Write the dotted path of a function."
        ) from error
    if not callable(call) or inspect.iscoroutinefunction(call):
        raise ImproperlyConfigured(f"{wrong}, which is no plain function: it must take FrozenFacts, return a Verdict.")
    try:
        inspect.signature(call).bind(object())
    except TypeError:
        raise ImproperlyConfigured(f"{wrong}, which does not take exactly one argument, the FrozenFacts.") from None
    name = path.rpartition(".")[2]
    if len(name) > LONGEST_NAME:
        raise ImproperlyConfigured(f"{wrong}, whose last part has more than {LONGEST_NAME} letters.")
    return Hook(name, path, call, getattr(call, "inline", False) is True, may_decline)


def forget() -> None:
    """Drops breakers and threads, as a restart does: for tests."""
    _hooks.cache_clear()
