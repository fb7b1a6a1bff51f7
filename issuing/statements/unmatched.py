"""Why a line of a statement is no charge or refund of ours, in a sentence: the nearest that it could have been.

A line is the charge with its amount whose days fit (issuing/statements/matching.py). Only reads.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils import formats
from django.utils.translation import gettext as _

from issuing.models import StatementLine
from issuing.statements.importing import LONGEST_HOLD, taken_minor
from issuing.statements.matching import EARLIER, LATER, Moved
from issuing.statements.report import MOST_LISTED, Report
from onecard.kit import display
from onecard.kit.clock import local_day
from onecard.kit.sentences import in_a_sentence
from wallet import states
from wallet.models import FundingCharge, FundingMethod, FundingRefund

# How far from the lines other charges are looked for.
AROUND: Final = LONGEST_HOLD + dt.timedelta(days=30)


class Unmatched(NamedTuple):
    """A line, and why it is no charge or refund of ours."""

    line: StatementLine
    why: str


@dataclass(frozen=True, slots=True)
class Known:
    """A charge, or with an amount below zero a refund, whatever became of it.

    `has_line` says that another line is of it, `left_minor` what refunds left of a charge, `came_to` the state of one
    that moved no money, else "".
    """

    moved: Moved
    left_minor: int
    has_line: bool
    came_to: str

    @property
    def amount_minor(self) -> int:
        return self.moved.amount_minor


@dataclass(frozen=True, slots=True)
class Asked:
    """A line as it is explained: what is known around it, and since when the card is saved with us."""

    posted_on: dt.date
    amount_minor: int
    currency: str
    saved_on: dt.date
    known: Sequence[Known]

    def nearest(self, fits: Callable[[Known], bool]) -> Known | None:
        """Returns the one whose day is nearest to the line's, of those that fit."""
        found = (each for each in self.known if fits(each))
        return min(found, key=lambda each: (each.moved.distance(self.posted_on), each.moved.key), default=None)

    def same_amount(self, each: Known) -> bool:
        return each.amount_minor == self.amount_minor

    def same_days(self, each: Known) -> bool:
        return each.moved.covers(self.posted_on)

    def fits(self, each: Known) -> bool:
        return self.same_amount(each) and self.same_days(each)

    def words(self, each: Known | None = None) -> dict[str, str]:
        """Returns what the sentences fill in: our charge or refund with its amount and day, and the line's amount."""
        minor = self.amount_minor if each is None else each.amount_minor
        return {
            "what": _("Our refund") if minor < 0 else _("Our charge"),
            "amount": display.money(abs(minor), self.currency),
            "day": formats.date_format(self.posted_on if each is None else each.moved.made_on),
            "own": display.money(abs(self.amount_minor), self.currency),
        }


def explain(found: Report) -> list[Unmatched]:
    """Returns the first of the report's lines that are no charge of ours, with the reason. Two queries, or none."""
    lines = found.elsewhere[:MOST_LISTED]
    if not lines:
        return []
    days = [line.posted_on for line in lines]
    known = [*_known(found.method, found.currency, min(days), max(days))]
    saved_on = local_day(found.method.created_at, found.method.cardholder.time_zone)
    asked = (Asked(line.posted_on, line.amount_minor, found.currency, saved_on, known) for line in lines)
    return [Unmatched(line, why(each)) for line, each in zip(lines, asked, strict=True)]


def why(asked: Asked) -> str:
    """Returns why nothing of ours fits the line, in the language of the moment. Pure."""
    return next(filter(None, (reason(asked) for reason in REASONS)))


def _nothing_to_find(asked: Asked) -> str:
    return "" if asked.amount_minor else _("Its amount is zero, so there is no charge to look for.")


def _has_another_line(asked: Asked) -> str:
    each = asked.nearest(lambda known: asked.fits(known) and known.has_line)
    return _("%(what)s of %(amount)s on %(day)s belongs to another line.") % asked.words(each) if each else ""


def _fits_now(asked: Asked) -> str:
    each = asked.nearest(lambda known: asked.fits(known) and not known.came_to and not known.has_line)
    words = _("%(what)s of %(amount)s on %(day)s fits since then: the next import for this card matches it.")
    return words % asked.words(each) if each else ""


def _came_to_nothing(asked: Asked) -> str:
    each = asked.nearest(lambda known: asked.fits(known) and bool(known.came_to))
    words = _("%(what)s of %(amount)s on %(day)s moved no money: it is %(state)s.")
    return words % (asked.words(each) | {"state": each.came_to}) if each else ""


def _is_what_refunds_left(asked: Asked) -> str:
    each = asked.nearest(
        lambda known: asked.same_days(known) and known.left_minor == asked.amount_minor and not asked.same_amount(known)
    )
    words = _("%(what)s on %(day)s was %(amount)s; %(own)s is what is left of it after refunds.")
    return words % asked.words(each) if each else ""


def _is_older_than_the_card(asked: Asked) -> str:
    if asked.posted_on >= asked.saved_on - EARLIER:
        return ""
    return _("The card was saved with us on %(day)s, after this line.") % {"day": formats.date_format(asked.saved_on)}


def _is_outside_the_days(asked: Asked) -> str:
    each = asked.nearest(asked.same_amount)
    words = _(
        "The nearest of this amount is of %(day)s: a line fits from %(earlier)s day before to %(later)s days after."
    )
    return words % (asked.words(each) | {"earlier": EARLIER.days, "later": LATER.days}) if each else ""


def _is_another_amount(asked: Asked) -> str:
    free = [each for each in asked.known if asked.same_days(each) and not each.came_to and not each.has_line]
    near = [each for each in free if (each.amount_minor < 0) == (asked.amount_minor < 0)]
    each = min(near, key=lambda known: (abs(known.amount_minor - asked.amount_minor), known.moved.key), default=None)
    words = _("Nothing of ours is %(own)s; the nearest of these days is %(amount)s on %(day)s.")
    return words % asked.words(each) if each else ""


def _is_not_ours(asked: Asked) -> str:
    if asked.amount_minor < 0:
        return _("We refunded nothing to this card on these days: the refund was of a purchase without One Card.")
    return _("We charged nothing else to this card on these days: the purchase was made without One Card.")


REASONS: Final = (
    _nothing_to_find, _has_another_line, _fits_now, _came_to_nothing, _is_what_refunds_left, _is_older_than_the_card,
    _is_outside_the_days, _is_another_amount, _is_not_ours,
)  # fmt: skip


def _known(card: FundingMethod, currency: str, first: dt.date, last: dt.date) -> Iterator[Known]:
    """Yields the card's charges and refunds around these days, whatever became of them."""
    zone = card.cardholder.time_zone
    since, until = (dt.datetime.combine(day, dt.time(), dt.UTC) for day in (first - AROUND, last + AROUND))
    in_time = Q(created_at__gte=since, created_at__lt=until, obligation__currency=currency)
    back = Coalesce(Sum("refunds__amount_minor", filter=Q(refunds__status=states.Refund.SUCCEEDED)), 0)
    charges = FundingCharge.objects.filter(in_time, method=card).select_related("obligation", "statement_line")
    for charge in charges.annotate(back_minor=back):
        minor, is_taken = taken_minor(charge), charge.status == states.Charge.SUCCEEDED
        moved = _moved("charge", charge, minor if is_taken else charge.money.minor, zone)
        yield _of(moved, charge, left_minor=minor - charge.back_minor if is_taken else 0, is_done=is_taken)
    refunds = FundingRefund.objects.filter(in_time, charge__method=card).select_related("statement_line")
    for refund in refunds:
        moved = _moved("refund", refund, -refund.amount_minor, zone)
        yield _of(moved, refund, left_minor=0, is_done=refund.status == states.Refund.SUCCEEDED)


def _moved(kind: str, row: FundingCharge | FundingRefund, minor: int, zone: str) -> Moved:
    ended = row.finished_at or row.updated_at
    return Moved((kind, row.pk), local_day(row.created_at, zone), local_day(ended, zone), minor)


def _of(moved: Moved, row: FundingCharge | FundingRefund, *, left_minor: int, is_done: bool) -> Known:
    came_to = "" if is_done else str(in_a_sentence(row.get_status_display()))
    return Known(moved, left_minor, hasattr(row, "statement_line"), came_to)
