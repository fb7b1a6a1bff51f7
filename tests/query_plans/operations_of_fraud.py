"""What staff and the rebuilding command ask of fraud verdicts and of the pasts of cards."""

import datetime as dt
from collections.abc import Iterator
from functools import partial

from issuing.fraud import precision
from issuing.history import rebuilding
from issuing.models import FraudVerdict
from onecard.kit import clock
from tests.query_plans.operations import Operation


def about_fraud() -> Iterator[tuple[str, Operation]]:
    """The page of the hooks, and a past that is built anew."""
    last_day = {"since": clock.now() - dt.timedelta(days=1), "until": clock.now()}
    yield "records of the fraud hooks", lambda: precision.of_period(**last_day)
    yield "days of a fraud hook", lambda: precision.by_day("card_testing", **last_day)
    yield "verdicts of a case", lambda: list(FraudVerdict.objects.filter(case=3))
    yield "past of a card built anew", partial(rebuilding.rebuild_card, 17)
