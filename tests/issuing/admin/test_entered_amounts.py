"""Converted amounts, top-ups and raised limits: bounded, and by two people above the threshold."""

from typing import Any

import pytest
from django.urls import reverse

from audit.models import Entry
from issuing import entered_amounts
from issuing.billing import top_ups
from issuing.cards import service as cards
from issuing.clearing import currency_conversion
from issuing.errors import CardRefusedError
from issuing.models import Authorization, CardChange, CardFunding, CardTransaction, VirtualCard
from onecard.kit.money import Money
from tests.issuing.clearing.foreign_captures import amount_owed, foreign_event
from tests.issuing.clearing.test_currency_conversion import EXCHANGED, EventBody, asked, card, open_cases, traces
from tests.issuing.clearing.test_currency_conversion import balances as posted
from tests.support.back_office import logged_in, opened, send, sentences, superuser, text_of
from tests.support.factories import CardholderFactory, FundingMethodFactory, VirtualCardFactory
from tests.support.purchases import approve_purchase, deliver_events, run_workers, update_event
from tests.support.threads import at_once
from tests.wallet.casework.desks import WHY, clerk
from wallet.entered import amounts as desk
from wallet.ledger import check as ledger_check
from wallet.models import EnteredAmount, FundingCharge, FundingMethod

__all__ = ["asked", "card"]
pytestmark = pytest.mark.django_db


def agreed(row: EnteredAmount) -> EnteredAmount:
    return desk.agree(entered=row, user=clerk(), reason=WHY, shown_minor=row.amount_minor)


class TestConvertedAmount:
    def enter(self, minor: int, *, kind: str = "settlement") -> EnteredAmount:
        movement = CardTransaction.objects.get(transaction_type=kind)
        return entered_amounts.enter_converted_amount(
            movement=movement, converted_minor=minor, reason=WHY, user=clerk()
        )

    def test_hundred_yen_are_not_a_hundred_thousand_dollars(self, card: VirtualCard) -> None:
        bought = approve_purchase(card)
        run_workers()
        event = foreign_event(bought, 100, None, kind="refund")
        event["data"]["object"]["currency"] = "jpy"
        deliver_events(event)
        before = traces()
        with pytest.raises(currency_conversion.ConversionRefusedError, match=r"100 JPY is about 0\.67 USD"):
            self.enter(10_000_000, kind="refund")
        page = reverse("admin:issuing_cardtransaction_enter_worth", args=[CardTransaction.objects.get().pk])
        client = logged_in()
        answer = client.post(page, opened(client, page) | {"amount": "100,000.00", "reason": WHY})
        assert "between 0.22 USD and 2.00 USD" in str(answer.context["form"].errors)
        assert traces() == before
        assert not EnteredAmount.objects.exists()

    def test_above_the_threshold_it_counts_once_a_second_person_agrees(self, asked: EventBody, settings: Any) -> None:
        settings.TWO_PERSON_ABOVE = 4_000
        before = traces()
        row = self.enter(4_320)
        assert row.status == "proposed"
        assert traces() == before
        assert open_cases() == ["currency_differs"]

        agreed(row)
        run_workers()
        run_workers()
        assert (CardTransaction.objects.get().purchase_minor, amount_owed(), posted()) == (4_320, 4_320, EXCHANGED)
        entry = Entry.objects.get(action="transaction.worth_entered")
        assert (entry.actor, entry.details["agreed_by"]) == (
            f"user:{row.entered_by_id}",
            f"user:{EnteredAmount.objects.get().agreed_by_id}",
        )
        assert ledger_check.check() == []

    def test_the_domain_refuses_one_persons_word(self, asked: EventBody, settings: Any) -> None:
        settings.TWO_PERSON_ABOVE = 4_000
        kept = CardTransaction.objects.get()
        with pytest.raises(currency_conversion.ConversionRefusedError, match="too much for one person"):
            currency_conversion.enter_converted_amount(
                transaction=kept, converted_minor=4_320, reason=WHY, actor="user:1"
            )
        # What it is in the foreign currency counts, too: little cannot be made of much.
        with pytest.raises(currency_conversion.ConversionRefusedError, match="too much for one person"):
            currency_conversion.enter_converted_amount(
                transaction=kept, converted_minor=1_500, reason=WHY, actor="user:1"
            )

    def test_more_than_was_captured_takes_two_people_however_little(self, asked: EventBody) -> None:
        assert self.enter(4_320).status == "applied"
        deliver_events(foreign_event(asked, 4_001, None, kind="refund", number=2))
        row = self.enter(4_400, kind="refund")
        assert row.status == "proposed"
        desk.withdraw(entered=row, user=clerk(), reason=WHY)
        assert self.enter(4_320, kind="refund").status == "applied"

    def test_without_a_rate_two_people_and_no_more_than_was_captured(self, asked: EventBody) -> None:
        self.enter(4_320)
        event = foreign_event(asked, 10_000, None, kind="refund", number=2)
        event["data"]["object"]["currency"] = "try"
        deliver_events(event)
        with pytest.raises(currency_conversion.ConversionRefusedError, match=r"43\.20 USD was captured"):
            self.enter(4_321, kind="refund")
        row = self.enter(300, kind="refund")
        assert row.status == "proposed"
        agreed(row)
        assert CardTransaction.objects.get(transaction_type="refund").purchase_minor == 300

    def test_what_issuers_said_lately_narrows_the_band(self, asked: EventBody) -> None:
        for number in range(3):
            CardTransaction.objects.create(
                provider="stripe",
                issuer_transaction_id=f"ipi_seen_{number}",
                transaction_type="settlement",
                processing_status="settled",
                amount_minor=10_000,
                currency="EUR",
                merchant_amount_minor=10_800,
                merchant_currency="USD",
                source="webhook",
                occurred_at=CardTransaction.objects.first().occurred_at,  # type: ignore[union-attr]
                recorded_at=CardTransaction.objects.first().recorded_at,  # type: ignore[union-attr]
            )
        kept = CardTransaction.objects.get(amount_minor=4_000)
        with pytest.raises(
            currency_conversion.ConversionRefusedError, match=r"about 43\.20 USD: .* between 28\.80 USD and 64\.80"
        ):
            currency_conversion.check(kept, converted_minor=10_000, reason=WHY)
        currency_conversion.check(kept, converted_minor=4_400, reason=WHY)

    def test_what_a_person_entered_moves_no_reference(self, card: VirtualCard) -> None:
        unknown = approve_purchase(card)
        run_workers()
        deliver_events(foreign_event(unknown, 4_000, None), update_event(unknown, "closed"))
        movement, purchase = CardTransaction.objects.get(), Authorization.objects.get()
        before = currency_conversion.reference_of(movement, purchase)

        self.enter(13_334)

        assert currency_conversion.reference_of(movement, purchase) == before


@pytest.fixture
def source() -> FundingMethod:
    return FundingMethodFactory(cardholder=CardholderFactory())


class TestTopUp:
    def put(self, card: VirtualCard, source: FundingMethod, minor: int, *, key: str = "k", user: Any = None) -> Any:
        return entered_amounts.put_on_card(
            card=card, amount=Money(minor, card.currency), source=source, key=key, user=user or clerk()
        )

    def test_above_the_threshold_a_second_person_must_agree_before_a_charge(self, source: FundingMethod) -> None:
        card = VirtualCardFactory(cardholder=source.cardholder)
        row = self.put(card, source, 100_001)
        assert row.status == "proposed"
        assert not FundingCharge.objects.exists()
        assert self.put(card, source, 100_001).pk == row.pk, "a second click is the same request"

        agreed(row)
        wish = CardFunding.objects.get()
        assert (wish.amount_minor, wish.status, wish.requested_by) == (
            100_001,
            "requested",
            f"user:{row.entered_by_id}",
        )
        assert FundingCharge.objects.get().status == "intended"
        assert VirtualCard.objects.get(pk=card.pk).balance_minor == 0

    def test_no_more_than_a_months_limit_is_put_on_a_card(self, source: FundingMethod) -> None:
        card = VirtualCardFactory(cardholder=source.cardholder, monthly_limit_minor=5_000)
        with pytest.raises(CardRefusedError, match=r"50\.00 USD a month"):
            self.put(card, source, 5_001)
        assert not EnteredAmount.objects.exists()

    def test_a_card_that_was_closed_meanwhile_gets_nothing(self, source: FundingMethod) -> None:
        card = VirtualCardFactory(cardholder=source.cardholder)
        row = self.put(card, source, 100_001)
        VirtualCard.objects.update(status="closed")
        with pytest.raises(CardRefusedError, match="closed"):
            agreed(row)
        assert EnteredAmount.objects.get().status == "proposed"
        assert not CardFunding.objects.exists()

    def test_the_page_says_it_beforehand_and_afterwards(self, source: FundingMethod) -> None:
        card = VirtualCardFactory(cardholder=source.cardholder)
        page, client = reverse("admin:issuing_virtualcard_put_money", args=[card.pk]), logged_in()
        assert "More than 1,000.00 USD" in text_of(client.get(page))
        values = opened(client, page) | {"amount": "1,500.00", "source": str(source.pk)}
        answer = client.post(page, values, follow=True)
        assert "1,500.00 USD waits for a second person" in sentences(answer)
        assert not CardFunding.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_one_person_in_many_tabs_cannot_get_past_the_threshold_in_parts(self, source: FundingMethod) -> None:
        many = [VirtualCardFactory(cardholder=source.cardholder) for _ in range(4)]
        ada = clerk()
        calls = [lambda card=card: self.put(card, source, 60_000, key=f"k{card.pk}", user=ada) for card in many]
        assert sorted(row.status for row in at_once(calls)) == ["applied", "proposed", "proposed", "proposed"]
        assert CardFunding.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_one_click_sent_many_times_is_one_request(self, source: FundingMethod) -> None:
        card, ada = VirtualCardFactory(cardholder=source.cardholder), clerk()
        rows = at_once([lambda: self.put(card, source, 60_000, user=ada)] * 5)
        assert len({row.pk for row in rows}) == 1
        assert (CardFunding.objects.count(), EnteredAmount.objects.count()) == (1, 1)


class TestLimits:
    def raised(self, card: VirtualCard, *, user: Any = None, **limits: str) -> Any:
        page = reverse("admin:issuing_virtualcard_change_limits", args=[card.pk])
        client = logged_in(user)
        return client.post(page, opened(client, page) | limits | {"reason": "A journey."}, follow=True)

    def test_a_high_limit_holds_once_a_second_person_agrees(self) -> None:
        card, ada = VirtualCardFactory(), superuser()
        page = reverse("admin:issuing_virtualcard_change_limits", args=[card.pk])
        assert "More than 10,000.00 USD takes a second person" in text_of(logged_in(ada).get(page))
        answer = self.raised(card, user=ada, daily_limit="10,000.01", monthly_limit="20000")
        assert "20,000.00 USD waits for a second person" in sentences(answer)
        assert limits_of(card) == limits_of_row(card)
        assert not CardChange.objects.exists()

        row = EnteredAmount.objects.get()
        shown = text_of(logged_in().get(reverse("admin:wallet_enteredamount_agree", args=[row.pk])))
        assert "1,000.00 USD → 10,000.01 USD" in shown
        agreed(row)
        assert limits_of(card) == (50_000, 1_000_001, 2_000_000)
        assert (CardChange.objects.get().kind, CardChange.objects.get().requested_by) == ("limits", f"user:{ada.pk}")
        entry = Entry.objects.get(action="virtualcard.changed")
        assert entry.actor == f"user:{ada.pk}+user:{EnteredAmount.objects.get().agreed_by_id}"

    def test_what_is_lowered_in_the_same_form_holds_at_once(self) -> None:
        card = VirtualCardFactory()
        self.raised(card, per_transaction_limit="10.00", monthly_limit="20000")
        assert limits_of(card) == (1_000, 100_000, 500_000)
        assert CardChange.objects.get().kind == "limits"
        agreed(EnteredAmount.objects.get())
        assert limits_of(card) == (1_000, 100_000, 2_000_000)

    def test_a_high_limit_that_stays_or_falls_takes_one_person(self) -> None:
        card = VirtualCardFactory(monthly_limit_minor=5_000_000)
        self.raised(card, monthly_limit="40000")
        assert limits_of(card)[2] == 4_000_000
        assert not EnteredAmount.objects.exists()

    def test_limits_that_were_changed_meanwhile_are_left_alone(self) -> None:
        card = VirtualCardFactory()
        self.raised(card, monthly_limit="20000")
        self.raised(card, per_transaction_limit="10", daily_limit="100", monthly_limit="100")
        with pytest.raises(CardRefusedError, match="changed meanwhile"):
            agreed(EnteredAmount.objects.get())
        assert limits_of(card)[2] == 10_000

    def test_no_card_gets_a_limit_without_bounds(self) -> None:
        card = VirtualCardFactory()
        answer = self.raised(card, monthly_limit="1,000,000.01")
        assert "No card is given a limit above 1,000,000.00 USD" in sentences(answer)
        assert not EnteredAmount.objects.exists()

    def test_a_second_proposal_is_a_sentence(self) -> None:
        card = VirtualCardFactory()
        self.raised(card, monthly_limit="20000")
        answer = self.raised(card, monthly_limit="30000")
        assert "has proposed 20,000.00 USD for it already" in sentences(answer)
        assert EnteredAmount.objects.count() == 1

    def test_a_new_card_starts_below_the_threshold(self) -> None:
        holder = CardholderFactory()
        page = reverse("admin:issuing_virtualcard_new_card")
        answer = send(logged_in(), page, cardholder=str(holder.pk), card_type="physical", monthly="20000")
        assert "takes a second person" in str(answer.context["form"].errors)
        assert not VirtualCard.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_agreeing_during_an_edit_of_the_card_ends_as_one_after_the_other(self) -> None:
        card = VirtualCardFactory()
        self.raised(card, monthly_limit="20000")
        row, boss = EnteredAmount.objects.get(), superuser()

        def agree_safely() -> str:
            try:
                return agreed(row).status
            except CardRefusedError as error:
                return error.message

        at_once([agree_safely, lambda: self.raised(card, user=boss, daily_limit="900").status_code])
        one_refused = ((50_000, 90_000, 500_000), (50_000, 100_000, 2_000_000))
        # Whoever opens the page after the agreement edits the limits that were agreed to.
        assert limits_of(card) in (*one_refused, (50_000, 90_000, 2_000_000))


def limits_of(card: VirtualCard) -> tuple[int, int, int]:
    return limits_of_row(VirtualCard.objects.get(pk=card.pk))


def limits_of_row(card: VirtualCard) -> tuple[int, int, int]:
    return card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor


def test_what_the_cardholder_asks_for_by_themselves_is_not_staffs(source: FundingMethod) -> None:
    """`fund_card` is the cardholder's own act as well; the threshold is on what staff enter."""
    card = VirtualCardFactory(cardholder=source.cardholder)
    wish = top_ups.intend(
        card=card, amount=Money(200_000, "USD"), source=source, requested_by="cardholder:1", request_key="own"
    )
    assert wish.status == "requested"
    assert cards.DEFAULT_LIMITS.monthly_minor == 500_000
