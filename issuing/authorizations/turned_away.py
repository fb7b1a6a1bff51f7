"""Questions that this process declined without a record: one that comes again gets the same answer.

They were declined unread for want of time, or their commit has an unknown end until unknown_commits settles it.

The issuer has that answer, or none. An approval now would be a hold and a charge for a purchase that did not happen.
Another process does not know of it and decides; what its issuer does not know as approved is taken back
(docs/decisions/0057).
"""

from collections import OrderedDict
from typing import Final

from issuing.issuers.messages import AuthorizationRequest

# Why it was: more came than could be decided, or it came too late to be decided.
OVERLOADED: Final = "overloaded"
LATE: Final = "deadline_exceeded"
# Each takes some 150 bytes of the process. A flood of a thousand a second is remembered for a minute and a half.
MOST_REMEMBERED: Final = 100_000

_questions: OrderedDict[int, str] = OrderedDict()


def note(provider: str, event_id: str, authorization_id: str, *, is_first: bool, reason: str) -> None:
    """Remembers why a question was declined; `is_first` says that nothing of the purchase was asked before."""
    for key in _keys(provider, event_id, authorization_id, is_first=is_first):
        _questions[key] = reason
    while len(_questions) > MOST_REMEMBERED:
        _questions.popitem(last=False)


def note_in_doubt(asked: AuthorizationRequest) -> None:
    """Remembers a question that was declined as too late while a commit of its approval may still end."""
    note(asked.provider, asked.event_id, asked.authorization_id, is_first=_is_first(asked), reason=LATE)


def forget_answered(asked: AuthorizationRequest) -> None:
    """Forgets a question whose answer is in the database by now."""
    for key in _keys(asked.provider, asked.event_id, asked.authorization_id, is_first=_is_first(asked)):
        _questions.pop(key, None)


def reason_of(asked: AuthorizationRequest) -> str:
    """Returns why this question was declined, or another event about the same first round; "" if it was not."""
    if not _questions:
        return ""
    keys = _keys(asked.provider, asked.event_id, asked.authorization_id, is_first=_is_first(asked))
    return next(filter(None, map(_questions.get, keys)), "")


def _keys(provider: str, event_id: str, authorization_id: str, *, is_first: bool) -> list[int]:
    keys = [hash((provider, event_id))]
    if is_first and authorization_id:
        keys.append(hash((provider, authorization_id, "first")))
    return keys


def _is_first(asked: AuthorizationRequest) -> bool:
    return not (asked.follows or asked.earlier_events or asked.earlier_rounds)


def forget() -> None:
    """Forgets all of them, as a restart does: for tests."""
    _questions.clear()
