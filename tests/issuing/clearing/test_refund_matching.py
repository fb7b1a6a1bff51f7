"""A refund that names no purchase is linked to the only possible one. Otherwise a case asks a person which it is."""

import datetime as dt
import itertools
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db.models import F
from django.urls import reverse

from audit.models import Entry
from issuing.clearing import manual_matching, refund_matching
from issuing.clearing.manual_matching import LinkRefusedError
from issuing.models import Authorization, CardTransaction, VirtualCard
from issuing.reconcile.window import Window
from onecard.kit import clock
from tests.issuing.clearing.postings import report
from tests.issuing.clearing.refunds import (
    WHY,
    EventBody,
    captured_purchase,
    cases,
    known_as,
    link_by_hand,
    purchase_of,
    refund_row,
    stored_transaction,
)
from tests.issuing.reconcile.books import books
from tests.support import marqeta_events
from tests.support.back_office import logged_in, opened, sentences, superuser, text_of
from tests.support.factories import UserFactory
from tests.support.orders import in_each_order
from tests.support.purchases import run_workers
from tests.support.threads import at_once
from tests.support.wallets import marqeta_card
from wallet.accounts import Account
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingRefund, Posting

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return marqeta_card()


class TestFoundByItself:
    def test_a_part_of_the_only_purchase_goes_back_to_its_card(self, card: VirtualCard) -> None:
        asked, capture = captured_purchase(card)
        report(capture)
        part = refund_row(asked, "12.00")
        report(part)
        run_workers()

        assert purchase_of(part) == known_as(asked)
        assert FundingRefund.objects.get().amount_minor == 1200
        assert (cases(), ledger_check.check()) == ([], [])
        assert ledger.balance(Account.PURCHASES, currency="USD") == 0

    def test_a_name_that_is_written_in_another_way_is_the_same_merchants(self, card: VirtualCard) -> None:
        asked, capture = captured_purchase(card, merchant="Caf\u00e9  Noir")
        captured_purchase(card, merchant="Caf\u00e9 Blanc")
        report(capture)
        part = refund_row(asked, "12.00")
        part["card_acceptor"] = part["card_acceptor"] | {"name": "Cafe\u0301\u200b Noir\u202c "}
        report(part)
        run_workers()

        assert purchase_of(part) == known_as(asked)

    def test_parts_are_joined_as_long_as_there_is_something_left(self, card: VirtualCard) -> None:
        asked, capture = captured_purchase(card)
        parts = [refund_row(asked, amount) for amount in ("20.00", "20.00", "5.00")]
        report(capture, *parts)
        too_much = refund_row(asked, "0.01")
        report(too_much)

        assert [purchase_of(part) for part in parts] == [known_as(asked)] * 3
        assert purchase_of(too_much) is None
        assert cases() == ["Starbucks Coffee gave back 0.01 USD and did not say of which purchase."]

    def test_every_order_ends_with_the_same_links_and_no_open_case(self, card: VirtualCard) -> None:
        asked, capture = captured_purchase(card)
        rows = [capture, refund_row(asked, "12.00"), refund_row(asked, "3.00")]

        def ends_alike(order: tuple[int, ...]) -> None:
            assert {purchase_of(row) for row in rows} == {known_as(asked)}, order
            assert cases() == [], order

        in_each_order(itertools.permutations(range(3)), tell=lambda index: report(rows[index]), at_end=ends_alike)

    def test_the_purchase_with_enough_left_is_the_one(self, card: VirtualCard) -> None:
        (small, first), (large, second) = captured_purchase(card, "10.00"), captured_purchase(card, "90.00")
        part = refund_row(small, "30.00")
        report(first, second, part)
        assert purchase_of(part) == known_as(large)

    def test_of_two_equal_purchases_the_one_that_has_come_back_is_none(self, card: VirtualCard) -> None:
        asked, capture = captured_purchase(card)
        first = refund_row(asked, "45.00", hour=10)
        report(capture, first)
        later, second = captured_purchase(card, hour=11)
        last = refund_row(later, "45.00")
        report(second, last)
        assert (purchase_of(first), purchase_of(last)) == (known_as(asked), known_as(later))

    def test_a_purchase_from_after_the_refund_is_none(self, card: VirtualCard) -> None:
        asked, capture = captured_purchase(card, hour=13)
        part = refund_row(asked, "12.00", hour=12)
        report(part, capture)
        assert purchase_of(part) is None
        assert len(cases()) == 1

    @pytest.mark.parametrize("is_first", [False, True])
    def test_nor_is_one_of_the_very_amount(self, card: VirtualCard, is_first: bool) -> None:
        asked, capture = captured_purchase(card, hour=13)
        back = refund_row(asked, "45.00", hour=12)
        report(*((capture, back) if is_first else (back, capture)))
        assert purchase_of(back) is None
        assert len(cases()) == 1

    def test_among_more_than_are_looked_at_nobody_guesses(
        self, card: VirtualCard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(refund_matching, "MOST_WAITING", 1)
        (_, first), (asked, second) = captured_purchase(card, "90.00"), captured_purchase(card, "60.00")
        part = refund_row(asked, "12.00")
        report(first, second, part)
        assert purchase_of(part) is None

    def test_while_another_waits_for_its_capture_nobody_guesses(self, card: VirtualCard) -> None:
        (asked, first), (_, second) = captured_purchase(card), captured_purchase(card, "60.00", hour=13)
        part = refund_row(asked, "12.00")
        report(first, part)
        run_workers()
        assert purchase_of(part) is None
        assert len(cases()) == 1
        assert not FundingRefund.objects.exists()

        report(second)
        assert purchase_of(part) == known_as(asked)
        assert cases() == []

    @pytest.mark.parametrize(
        ("how", "more"),
        [
            ("authorization.reversal", {"state": "CLEARED"}),
            ("authorization.reversal", {"state": "PENDING", "amount": Decimal("60.00")}),
            ("authorization.reversal.issuerexpiration", {"state": "CLEARED"}),
        ],
    )
    def test_once_the_other_has_ended_without_one_it_is_known(
        self, card: VirtualCard, how: str, more: EventBody
    ) -> None:
        (asked, first), (other, _) = captured_purchase(card), captured_purchase(card, "60.00")
        part = refund_row(asked, "12.00")
        rows = [first, part, marqeta_events.later(other, how, **more)]

        def ends_alike(order: tuple[int, ...]) -> None:
            run_workers()
            assert purchase_of(part) == known_as(asked), order
            assert (cases(), FundingRefund.objects.filter(amount_minor=1200).count()) == ([], 1), order

        in_each_order(itertools.permutations(range(3)), tell=lambda index: report(rows[index]), at_end=ends_alike)

    def test_so_it_is_once_the_other_is_settled_without_one(self, card: VirtualCard) -> None:
        (asked, first), (other, _) = captured_purchase(card), captured_purchase(card, "60.00")
        part = refund_row(asked, "12.00")
        report(first, part)
        waiting = Authorization.objects.filter(pk=known_as(other))
        waiting.update(status="settled", settle_due_at=clock.now())
        run_workers()

        assert purchase_of(part) == known_as(asked)
        assert cases() == []

    @pytest.mark.parametrize("amount", ["60.00", "0.00"])
    def test_what_waits_elsewhere_or_for_nothing_is_no_other(self, card: VirtualCard, amount: str) -> None:
        asked, first = captured_purchase(card)
        captured_purchase(card, amount, merchant="Bakery" if amount != "0.00" else "")
        part = refund_row(asked, "12.00")
        report(first, part)
        assert purchase_of(part) == known_as(asked)

    def test_among_several_nobody_guesses(self, card: VirtualCard) -> None:
        (asked, first), (_, second) = captured_purchase(card), captured_purchase(card)
        part = refund_row(asked, "12.00")
        report(first, second, part)
        run_workers()
        assert purchase_of(part) is None
        assert not FundingRefund.objects.exists()
        assert cases() == ["Starbucks Coffee gave back 12.00 USD and did not say of which purchase."]

    def test_another_merchant_or_card_is_none(self, card: VirtualCard) -> None:
        _, first = captured_purchase(card, merchant="Bakery")
        other, second = captured_purchase(marqeta_card())
        part = refund_row(other, "12.00") | {"card_token": card.issuer_card_id}
        report(first, second, part)
        assert purchase_of(part) is None

    @pytest.mark.django_db(transaction=True)
    def test_the_open_case_explains_it_to_the_reconciliation(self, card: VirtualCard) -> None:
        (asked, first), (_, second) = captured_purchase(card), captured_purchase(card)
        report(first, second, refund_row(asked, "12.00"))
        # Within minutes of its word its purchase might still be told.
        CardTransaction.objects.update(recorded_at=F("occurred_at"))
        all_of_may = Window(*(dt.datetime(2026, month, 1, tzinfo=dt.UTC) for month in (5, 6, 7)))
        assert ("posted_transactions", "missing_there") not in books(span=all_of_may)[1]
        Case.objects.filter(kind="refund_unlinked").update(status="resolved")
        assert ("posted_transactions", "missing_there") in books(span=all_of_may)[1]


@pytest.fixture
def doubtful(card: VirtualCard) -> list[EventBody]:
    """Two purchases of 45.00 and 60.00 at one merchant, and 12.00 that came back of one of them."""
    (first, one), (second, two) = captured_purchase(card), captured_purchase(card, "60.00")
    part = refund_row(first, "12.00")
    report(one, two, part)
    return [first, second, part]


class TestSaidByHand:
    def test_what_the_cardholder_gets_back_follows(self, doubtful: list[EventBody]) -> None:
        link_by_hand(doubtful)
        run_workers()

        assert purchase_of(doubtful[2]) == known_as(doubtful[1])
        assert FundingRefund.objects.get().obligation.purchase == f"authorization:{known_as(doubtful[1])}"
        assert (cases(), len(cases("resolved")), ledger_check.check()) == ([], 1, [])
        entry = Entry.objects.get(action="transaction.linked", actor="user:1")
        assert entry.details["because"] == WHY

    def test_it_is_said_once(self, doubtful: list[EventBody]) -> None:
        link_by_hand(doubtful)
        with pytest.raises(LinkRefusedError, match="known already"):
            link_by_hand(doubtful, 0)
        assert purchase_of(doubtful[2]) == known_as(doubtful[1])

    @pytest.mark.parametrize("reason", ["", " ", "x" * 201])
    def test_not_without_a_reason(self, doubtful: list[EventBody], reason: str) -> None:
        with pytest.raises(LinkRefusedError, match="reason"):
            link_by_hand(doubtful, reason=reason)
        assert purchase_of(doubtful[2]) is None

    def test_not_for_a_purchase_of_another_card(self, doubtful: list[EventBody]) -> None:
        asked, capture = captured_purchase(marqeta_card())
        report(capture)
        stranger = Authorization.objects.get(pk=known_as(asked))
        with pytest.raises(LinkRefusedError, match="no purchase of the refund's card"):
            manual_matching.link_by_hand(
                refund=stored_transaction(doubtful[2]), purchase=stranger, reason=WHY, actor="user:1"
            )
        assert purchase_of(doubtful[2]) is None

    def test_not_for_a_capture(self, doubtful: list[EventBody]) -> None:
        capture = CardTransaction.objects.filter(transaction_type="settlement")[0]
        assert "known already" in manual_matching.why_not(capture)
        capture.authorization = None
        assert "Only a refund" in manual_matching.why_not(capture)

    @pytest.mark.django_db(transaction=True)
    def test_of_many_at_once_one_is_heard(self, card: VirtualCard) -> None:
        (first, one), (second, two) = captured_purchase(card), captured_purchase(card, "60.00")
        part = refund_row(first, "12.00")
        report(one, two, part)

        def press(number: int) -> str:
            try:
                link_by_hand([first, second, part], number % 2)
            except LinkRefusedError as error:
                return error.message
            return "joined"

        assert at_once([lambda number=number: press(number) for number in range(6)]).count("joined") == 1
        assert Posting.objects.filter(kind="merchant_refund").count() == 1
        assert ledger_check.check() == []


class TestPage:
    def page(self, act: str, doubtful: list[EventBody]) -> str:
        return reverse(f"admin:issuing_cardtransaction_{act}", args=[stored_transaction(doubtful[2]).pk])

    def test_staff_choose_among_the_cards_purchases(self, doubtful: list[EventBody]) -> None:
        client, place = logged_in(superuser()), self.page("say_purchase", doubtful)
        assert place in text_of(client.get(self.page("change", doubtful)))
        form = text_of(client.get(place))
        for words in ("45.00 USD taken and not given back", "60.00 USD taken", "Starbucks Coffee gave back 12.00 USD"):
            assert words in form

        values = opened(client, place) | {"purchase": str(known_as(doubtful[0])), "reason": WHY}
        answer = client.post(place, values, follow=True)

        assert "belongs to its purchase now" in sentences(answer)
        assert purchase_of(doubtful[2]) == known_as(doubtful[0])
        assert place not in text_of(client.get(self.page("change", doubtful)))
        assert "known already" in sentences(client.post(place, values, follow=True))

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"purchase": ""}, "This field is required"),
            ({"purchase": "0"}, "Select a valid choice"),
            ({"purchase": "x\0"}, "Select a valid choice"),
            ({"reason": " "}, "This field is required"),
        ],
    )
    def test_what_cannot_be_is_a_sentence(self, doubtful: list[EventBody], changes: dict[str, str], why: str) -> None:
        client, place = logged_in(superuser()), self.page("say_purchase", doubtful)
        answer = client.post(place, {"purchase": str(known_as(doubtful[0])), "reason": WHY} | changes)
        assert answer.status_code == 200
        assert why in str(answer.context["form"].errors)
        assert purchase_of(doubtful[2]) is None

    def test_who_may_only_look_cannot(self, doubtful: list[EventBody]) -> None:
        looker = UserFactory(is_staff=True)
        looker.user_permissions.add(*Permission.objects.filter(codename="view_cardtransaction"))
        client, place = logged_in(looker), self.page("say_purchase", doubtful)
        assert place not in text_of(client.get(self.page("change", doubtful)))
        assert client.post(place, {"purchase": str(known_as(doubtful[0])), "reason": WHY}).status_code == 403
        assert purchase_of(doubtful[2]) is None

    def test_the_case_leads_there(self, doubtful: list[EventBody]) -> None:
        client = logged_in(superuser())
        case = Case.objects.get(kind="refund_unlinked")
        shown = text_of(client.get(reverse("admin:wallet_case_change", args=[case.pk])))
        assert self.page("change", doubtful) in shown
        assert "Say which purchase it is of" in shown
