"""What a request has left in the database."""

from audit.models import Entry
from issuing.models import Authorization, Decision, Hold
from onecard.outbox.models import Message
from wallet.models import FundingCharge, FundingObligation


def nothing_happened() -> bool:
    kept = (Authorization, Decision, Hold, FundingObligation, FundingCharge, Message, Entry)
    return not any(model.objects.exists() for model in kept)


def no_money_moves() -> bool:
    return not any(model.objects.exists() for model in (FundingObligation, FundingCharge, Hold, Message))
