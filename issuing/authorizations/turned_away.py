"""Questions that this process declined unread for want of time: one that comes again gets the same answer.

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

_questions: OrderedDict[int, None] = OrderedDict()


def note(provider: str, event_id: str, authorization_id: str, *, is_first: bool) -> None:
    """Remembers that a question was declined; `is_first` says that nothing of the purchase was asked before."""
    _questions[hash((provider, event_id))] = None
    if is_first and authorization_id:
        _questions[hash((provider, authorization_id, "first"))] = None
    while len(_questions) > MOST_REMEMBERED:
        _questions.popitem(last=False)


def is_known(asked: AuthorizationRequest) -> bool:
    """Returns whether this question was declined, or another event about the same first round."""
    if not _questions:
        return False
    is_first = not (asked.follows or asked.earlier_events or asked.earlier_rounds)
    return hash((asked.provider, asked.event_id)) in _questions or (
        is_first and hash((asked.provider, asked.authorization_id, "first")) in _questions
    )


def forget() -> None:
    """Forgets all of them, as a restart does: for tests."""
    _questions.clear()
