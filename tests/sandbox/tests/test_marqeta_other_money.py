"""Money that is no purchase, as the sandbox sends it: account fundings, original credits, PIN debits, entries."""

from decimal import Decimal

import pytest

from tests.sandbox.marqeta import other_money
from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.marqeta import CARD, Api, MarqetaReceiver, decline

pytestmark = pytest.mark.only_in_proofs

FUNDING = "account.funding.authorization"


def test_an_account_funding_asks_and_says_what_it_is(api: Api, program: MarqetaReceiver) -> None:
    hold = api.simulate(FUNDING, card_token=CARD, amount=45)

    asked = program.asked[0]
    assert (asked["type"], asked["gpa_order"]["jit_funding"]["method"]) == (FUNDING, "pgfs.authorization")
    assert asked["account_funding"] == hold["account_funding"]
    assert (hold["state"], program.wait_for(FUNDING)[0]["token"]) == ("PENDING", hold["token"])


def test_a_declined_account_funding_holds_nothing(api: Api, program: MarqetaReceiver) -> None:
    program.decide = decline

    hold = api.simulate(FUNDING, card_token=CARD, amount=45)

    assert hold["state"] == "DECLINED"
    later = {"preceding_related_transaction_token": hold["token"], "amount": 45}
    api.post(f"simulations/cardtransactions/{FUNDING}.clearing", later, status=400)


def test_an_account_funding_is_cleared_or_reversed(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    cleared, voided = (api.simulate(FUNDING, card_token=CARD, amount=45) for _ in range(2))

    taken = api.follow(f"{FUNDING}.clearing", cleared, 45)
    given_back = api.follow(f"{FUNDING}.reversal", voided, 45)

    assert (taken["type"], taken["state"]) == (f"{FUNDING}.clearing", "COMPLETION")
    assert (given_back["type"], given_back["state"]) == (f"{FUNDING}.reversal", "CLEARED")
    assert marqeta.marqeta.state.chain_of[voided["token"]].held == 0


def test_an_account_funding_may_take_at_once(api: Api, program: MarqetaReceiver) -> None:
    taken = api.simulate("account.funding.auth_plus_capture", card_token=CARD, amount=45)

    assert taken["state"] == "COMPLETION"
    assert program.asked[0]["gpa_order"]["jit_funding"]["method"] == "pgfs.auth_plus_capture"
    back = api.follow("account.funding.auth_plus_capture.reversal", taken, 45)
    assert back["preceding_related_transaction_token"] == taken["token"]
    assert "gpa_order_unload" in back


def test_an_original_credit_comes_without_a_question(api: Api, program: MarqetaReceiver) -> None:
    credit = api.simulate("original.credit.authorization", card_token=CARD, amount=45)
    cleared = api.follow("original.credit.authorization.clearing", credit, 45)

    assert (credit["state"], cleared["state"]) == ("PENDING", "COMPLETION")
    assert cleared["gpa_order_unload"]["jit_funding"]["method"] == "pgfs.original.credit.authorization.clearing"
    program.wait_for("original.credit.authorization.clearing")
    assert not program.asked


@pytest.mark.parametrize("kind", other_money.ENTRIES)
def test_an_entry_of_the_program_is_at_no_merchant(api: Api, program: MarqetaReceiver, kind: str) -> None:
    api.simulate(kind, card_token=CARD, amount=12.5)

    told = program.wait_for(kind)[0]
    assert ("card_acceptor" in told, told["amount"]) == (False, Decimal("12.5"))


@pytest.mark.parametrize(
    "kind", ["account.funding.authorization.clearing", "original.credit.authorization.reversal", "pindebit.reversal"]
)
def test_a_message_follows_only_one_of_its_own_family(api: Api, kind: str) -> None:
    purchase = api.buy(45)

    later = {"preceding_related_transaction_token": purchase["token"], "amount": 45}
    assert api.status_of(f"simulations/cardtransactions/{kind}", later) == 400


@pytest.mark.parametrize("field", ["card_token", "amount"])
def test_a_first_message_needs_its_card_and_its_amount(api: Api, field: str) -> None:
    body = {"card_token": CARD, "amount": 45}
    del body[field]

    assert api.status_of("simulations/cardtransactions/original.credit.authorization", body) == 400


def test_a_chargeback_may_be_refused_in_the_end(api: Api, program: MarqetaReceiver) -> None:
    purchase = api.buy(45)
    clearing = api.follow("authorization.clearing", purchase, 45)

    ended = api.follow("authorization.clearing.chargeback.completed", clearing, 45, state="DECLINED")

    assert (ended["state"], ended["response"]["code"]) == ("DECLINED", "1016")
    program.wait_until(lambda: any("chargebacktransitions" in post for post in program.posts))
