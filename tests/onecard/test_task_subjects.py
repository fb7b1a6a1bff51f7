"""The lines of a task name the purchase that its row belongs to, where its message did not."""

import json

import pytest

from issuing import journal
from onecard import task_subjects
from onecard.kit import log_context
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.models import FundingCharge

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_charge_is_traced_to_its_purchase_card_and_person() -> None:
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    assert json.loads(stripe_events.post(asked).content)["approved"]
    journal.write_all()
    charge = FundingCharge.objects.get()
    of_purchase = {
        "provider": "stripe",
        "authorization_id": asked["data"]["object"]["id"],
        "card_id": str(card.public_id),
        "customer_id": str(card.cardholder.public_id),
    }

    for arguments in ({"charge_id": charge.pk}, {"obligation_id": charge.obligation_id, "newer": "x"}):
        with log_context.fresh(task="t"):
            task_subjects.bind(arguments)
            assert log_context.bound() == {"task": "t", **of_purchase}


@pytest.mark.parametrize("arguments", [{}, {"charge_id": 0}, {"charge_id": "1"}, {"event_pk": 1}, {"refund_id": -1}])
def test_what_names_no_row_binds_nothing(arguments: dict[str, object]) -> None:
    task_subjects.bind(arguments)
    assert log_context.bound() == {}


def test_the_purchase_that_the_message_brought_stays() -> None:
    log_context.bind(authorization_id="iauth_of_the_message")
    task_subjects.bind({"charge_id": 1})
    assert log_context.bound() == {"authorization_id": "iauth_of_the_message"}
