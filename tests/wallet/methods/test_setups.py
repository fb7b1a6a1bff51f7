"""A person adds a card through the processor's form: what is read, refused and done once (wallet/methods/setups)."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from audit.models import Entry
from onecard.kit.transactions import TransactionError
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.factories import CardProductFactory
from tests.support.sandboxes import processor_sandbox
from tests.support.threads import at_once
from tests.wallet.methods.saved_cards import ME, SETUPS, added, begun, customers_made, fill_in, newcomer
from wallet import processor_events
from wallet.methods import setups
from wallet.methods.admission import CardRefusedError, ProductMismatchError
from wallet.methods.setups import SetupNotFoundError, SetupUnfinishedError
from wallet.models import CardDetachment, CardSetup, FundingMethod
from wallet.processors.stripe.client import stripe_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def event_of(setup_id: str) -> dict[str, Any]:
    """The object of the processor's event about a setup."""
    return stripe_client().v1.setup_intents.retrieve(setup_id).to_dict(for_json=True)


@pytest.mark.usefixtures("sandbox")
def test_a_card_comes_in_as_the_processor_describes_it() -> None:
    holder = newcomer()

    method = added(holder, "visa_debit")

    holder.refresh_from_db()
    assert holder.processor_customer_id.startswith("cus_")
    assert (method.network, method.last_four, method.expiry_month, method.expiry_year) == ("visa", "5556", 12, 2034)
    assert (method.funding_type, method.country, method.name) == ("debit", "US", "Visa")
    assert method.fingerprint
    assert (method.is_backup, method.position, method.status) == (True, 1, "active")
    second = added(holder, "mastercard", name="Groceries")
    assert (second.is_backup, second.position, second.name) == (False, 2, "Groceries")
    told = Entry.objects.filter(action__startswith="method.").order_by("pk").values_list("action", "actor")
    assert list(told) == [("method.setup_begun", ME), ("method.added", ME)] * 2


def test_no_secret_is_stored(sandbox: RunningSandbox) -> None:
    setup = begun(newcomer())

    assert setup.client_secret
    row = CardSetup.objects.values().get()
    assert row["processor_setup_id"] == setup.setup_id
    assert setup.client_secret not in str(row) + str(list(Entry.objects.values())) + repr(setup)


def test_a_repeat_begins_nothing_new(sandbox: RunningSandbox) -> None:
    holder, request_id = newcomer(), uuid.uuid4()

    first, second = (begun(holder, request_id=request_id) for _ in range(2))

    assert (first.setup_id, first.client_secret) == (second.setup_id, second.client_secret)
    assert (CardSetup.objects.count(), customers_made(sandbox)) == (1, 1)
    with pytest.raises(SetupNotFoundError):
        begun(newcomer(), request_id=request_id)


@pytest.mark.usefixtures("sandbox")
def test_a_setup_is_completed_once() -> None:
    holder = newcomer()
    setup = begun(holder)
    fill_in(setup.setup_id)

    first, second = (setups.complete(holder, setup_id=setup.setup_id, actor=ME) for _ in range(2))

    assert first == second
    assert FundingMethod.objects.count() == 1


@pytest.mark.usefixtures("sandbox")
def test_the_product_must_be_of_the_cards_network() -> None:
    holder, amex = newcomer(), CardProductFactory(name="Gold", network="amex")
    setup = begun(holder)
    fill_in(setup.setup_id)

    with pytest.raises(ProductMismatchError, match="Gold is a American Express card, and this card is Visa") as caught:
        setups.complete(holder, setup_id=setup.setup_id, actor=ME, product=amex)

    assert list(caught.value.errors) == ["product"]
    visa = CardProductFactory(name="Sapphire", network="visa")
    assert setups.complete(holder, setup_id=setup.setup_id, actor=ME, product=visa).name == "Sapphire"


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("setup_id", ["seti_never_made", "of another"])
def test_an_unknown_and_a_foreign_setup_look_alike(setup_id: str) -> None:
    if setup_id == "of another":
        setup_id = begun(newcomer()).setup_id
        fill_in(setup_id)
    holder = newcomer()
    begun(holder)

    with pytest.raises(SetupNotFoundError, match="There is no such setup, or it is not yours"):
        setups.complete(holder, setup_id=setup_id, actor=ME)

    assert not FundingMethod.objects.exists()


def test_a_setup_made_by_hand_for_the_customer_is_not_ours(sandbox: RunningSandbox) -> None:
    holder = newcomer()
    begun(holder)
    holder.refresh_from_db()
    by_hand = stripe_client().v1.setup_intents.create({"customer": holder.processor_customer_id})
    fill_in(by_hand.id)

    with pytest.raises(SetupNotFoundError):
        setups.complete(holder, setup_id=by_hand.id, actor=ME)
    assert not processor_events.setup_succeeded(event_of(by_hand.id))


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("step", "words"),
    [("nothing", "not saved yet"), ("asked", "not saved yet"), ("canceled", "was canceled")],
)
def test_an_unfinished_setup_is_refused(step: str, words: str) -> None:
    holder = newcomer()
    setup = begun(holder)
    if step == "asked":
        fill_in(setup.setup_id, "authenticationRequired")
    elif step == "canceled":
        stripe_client().v1.setup_intents.cancel(setup.setup_id)

    with pytest.raises(SetupUnfinishedError, match=words):
        setups.complete(holder, setup_id=setup.setup_id, actor=ME)

    assert CardSetup.objects.get().status == "open"


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("mastercard_prepaid", "prepaid_not_accepted"),
        ("jcb", "network_not_supported"),
        ("visa", "card_already_added"),
    ],
)
def test_a_card_that_does_not_suit_is_refused_for_good_and_let_go(card: str, code: str) -> None:
    holder = newcomer()
    added(holder, "visa")
    setup = begun(holder)
    fill_in(setup.setup_id, card)

    for _ in range(2):
        with pytest.raises(CardRefusedError) as caught:
            setups.complete(holder, setup_id=setup.setup_id, actor=ME)
        assert caught.value.code == code

    assert FundingMethod.objects.count() == 1
    let_go = CardDetachment.objects.get()
    saved = stripe_client().v1.setup_intents.retrieve(setup.setup_id).payment_method
    assert (let_go.processor_method_id, let_go.method, let_go.status) == (saved, None, "intended")


@pytest.mark.usefixtures("sandbox")
def test_a_removed_card_may_be_added_again() -> None:
    holder = newcomer()
    FundingMethod.objects.filter(pk=added(holder).pk).update(status="detached", is_backup=False)

    assert added(holder).status == "active"


@pytest.mark.usefixtures("sandbox")
def test_the_processors_event_completes_a_setup_whose_caller_went_away() -> None:
    holder = newcomer()
    setup = begun(holder)
    fill_in(setup.setup_id, "amex")
    CardSetup.objects.update(processor_setup_id=None)  # As if the answer had been lost.

    for _ in range(2):
        assert processor_events.setup_succeeded(event_of(setup.setup_id))
    messages = Message.objects.filter(topic="card.setup_succeeded")
    assert messages.count() == 1
    for _ in range(2):
        assert setups.complete_reported(**messages.get().arguments) == "completed"

    method = FundingMethod.objects.get()
    assert (method.network, method.name) == ("amex", "American Express")
    # The caller comes back with a name and a product: the card is theirs already.
    product = CardProductFactory(name="Gold", network="amex")
    assert setups.complete(holder, setup_id=setup.setup_id, actor=ME, product=product) == method
    method.refresh_from_db()
    assert (method.name, method.product) == ("Gold", product)


def test_a_report_that_could_not_be_looked_up_is_tried_again(sandbox: RunningSandbox) -> None:
    holder = newcomer()
    setup = begun(holder)
    fill_in(setup.setup_id)
    assert processor_events.setup_succeeded(event_of(setup.setup_id))
    row = CardSetup.objects.get()
    sandbox.order(method="GET", path=f"{SETUPS}/{setup.setup_id}", do="error_500")

    assert setups.complete_reported(setup_id=row.pk) == "open"

    row.refresh_from_db()
    assert (row.attempts, row.claimed_until) == (1, None)
    assert row.next_attempt_at is not None
    CardSetup.objects.update(next_attempt_at=row.created_at - dt.timedelta(seconds=10))
    assert setups.sweep() == 1
    assert FundingMethod.objects.count() == 1


@pytest.mark.usefixtures("sandbox")
def test_a_refused_report_is_not_tried_again() -> None:
    holder = newcomer()
    setup = begun(holder)
    fill_in(setup.setup_id, "mastercard_prepaid")
    processor_events.setup_succeeded(event_of(setup.setup_id))

    assert setups.complete_reported(setup_id=CardSetup.objects.get().pk) == "refused"
    assert setups.sweep() == 0


def test_the_hosted_page_leads_to_the_same_card(sandbox: RunningSandbox) -> None:
    holder, request_id = newcomer(), uuid.uuid4()
    address = setups.begin_on_page(holder, request_id=request_id, back_to="https://example.com/thanks", actor=ME)
    (page,) = sandbox.state.objects["checkout.session"].values()
    assert address == page["url"]

    done = stripe_client().raw_request(
        "post", f"/v1/test_helpers/checkout/sessions/{page['id']}/complete", payment_method="pm_card_discover"
    )
    assert done is not None
    assert processor_events.setup_succeeded(event_of(page["setup_intent"]))
    assert setups.complete_reported(setup_id=CardSetup.objects.get().pk) == "completed"
    assert FundingMethod.objects.get().network == "discover"


def test_the_processor_is_not_called_in_a_transaction() -> None:
    holder = newcomer()
    with transaction.atomic(), pytest.raises(TransactionError):
        begun(holder)
    with transaction.atomic(), pytest.raises(TransactionError):
        setups.complete(holder, setup_id="seti_1", actor=ME)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("sandbox")
def test_two_completions_at_once_make_one_card() -> None:
    holder = newcomer()
    setup = begun(holder)
    fill_in(setup.setup_id)
    processor_events.setup_succeeded(event_of(setup.setup_id))
    row = CardSetup.objects.get()

    at_once(
        [lambda: setups.complete(holder, setup_id=setup.setup_id, actor=ME)] * 3
        + [lambda: setups.complete_reported(setup_id=row.pk)] * 2
    )

    row.refresh_from_db()
    assert (FundingMethod.objects.get(), FundingMethod.objects.count()) == (row.method, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("sandbox")
def test_the_same_number_twice_at_once_makes_one_card() -> None:
    holder = newcomer()
    ids = [begun(holder).setup_id for _ in range(2)]
    for setup_id in ids:
        fill_in(setup_id)

    def finish(setup_id: str) -> str:
        try:
            setups.complete(holder, setup_id=setup_id, actor=ME)
        except CardRefusedError as error:
            return error.code
        return "added"

    outcomes = at_once([lambda each=each: finish(each) for each in ids])  # type: ignore[misc]

    assert sorted(outcomes) == ["added", "card_already_added"]
    assert FundingMethod.objects.count() == 1
