"""A draft's preview decides stored purchases again: exact, bounded, without side effects, safe to run twice."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from issuing.backtest import preview as work
from issuing.models import Authorization, Decision
from onecard.kit import clock
from onecard.outbox.models import Message
from routing.catalogue import drafting
from routing.catalogue.entries import entries_of
from routing.catalogue.rows import read
from routing.models import (
    CardSpend,
    CatalogueChange,
    PreviewedPurchase,
    RankingDraft,
    RankingPreview,
    RankingRow,
)
from routing.rankings import drafts, previews
from tests.routing.rankings.drafting import draft_with, entry
from tests.support import stripe_events
from tests.support.wallets import valued_card, walkthrough_card
from wallet.models import FundingCharge, FundingMethod

pytestmark = pytest.mark.django_db


def buy(card: str, amount: int = 4500, **more: object) -> bool:
    return bool(
        stripe_events.post(stripe_events.authorization_request(card=card, amount=amount, **more)).json()["approved"]
    )


def previewed(draft: RankingDraft, *, days: int = 30, as_on: dt.date | None = None) -> RankingPreview:
    preview = previews.ask(draft=draft, user=draft.author, days=days, as_on=as_on)
    with clock.ahead(dt.timedelta(seconds=1)):
        work.go_on(preview_id=preview.pk)
    preview.refresh_from_db()
    return preview


def row_of(network: str) -> RankingRow:
    return RankingRow.objects.get(network=network)


def test_purchases_that_another_card_would_pay_are_listed_with_rewards() -> None:
    card = walkthrough_card()
    assert buy(card.issuer_card_id)
    assert buy(card.issuer_card_id, amount=1000)
    before = [list(model.objects.order_by("pk").values()) for model in (Decision, FundingCharge, RankingRow)]

    # Nobody pays cash here, so Mastercard, the backup, pays with 3 points. With 4 % cash a Visa does.
    found = previewed(draft_with(entry(row_of("visa"), reward_rate=Decimal(4))))

    assert (found.status, found.changed, found.decided_again, found.looked_at) == ("finished", 2, 2, 2)
    assert found.sums == {"USD": {"now_micro": 1_650_000, "draft_micro": 2_200_000}}
    purchase = found.purchases.get(amount_minor=4500)
    assert (purchase.reward_now_micro, purchase.reward_with_draft_micro) == (1_350_000, 1_800_000)
    visa, backup = FundingMethod.objects.get(network="visa"), FundingMethod.objects.get(is_backup=True)
    assert (visa.last_four in purchase.card_with_draft, backup.last_four in purchase.card_now) == (True, True)
    assert purchase.reference == Authorization.objects.earliest("pk").reference
    assert before == [list(model.objects.order_by("pk").values()) for model in (Decision, FundingCharge, RankingRow)]


def test_the_same_card_with_another_reward_is_counted_apart() -> None:
    assert buy(walkthrough_card().issuer_card_id)

    found = previewed(draft_with(entry(row_of("mastercard"), reward_type="points", reward_rate=Decimal(5))))

    assert (found.changed, found.earn_otherwise) == (0, 1)
    assert found.sums == {"USD": {"now_micro": 1_350_000, "draft_micro": 2_250_000}}


def test_purchases_elsewhere_and_before_the_period_do_not_change() -> None:
    card = walkthrough_card()
    with clock.ahead(dt.timedelta(days=-40)):
        assert buy(card.issuer_card_id)
    assert buy(card.issuer_card_id)
    draft = draft_with(entry(mcc="5411", reward_rate=Decimal(9)))

    found = previewed(draft)

    assert (found.status, found.looked_at, found.decided_again, found.changed) == ("finished", 1, 0, 0)


def test_a_purchase_that_no_card_could_pay_would_be_paid_and_the_reverse() -> None:
    card = walkthrough_card()
    FundingMethod.objects.exclude(network="visa").delete()
    FundingMethod.objects.update(is_backup=False)
    RankingRow.objects.filter(network="visa").delete()
    assert not buy(card.issuer_card_id)

    found = previewed(draft_with(entry()))
    assert (found.changed, found.newly_paid, found.newly_declined) == (1, 1, 0)

    row = RankingRow.objects.create(mcc="5812", scope="network", network="visa", reward_rate=1, reward_type="cash")
    draft = draft_with()
    drafts.put_removal(draft=draft, row=row, user=draft.author)
    assert previewed(draft).newly_declined == 1


def test_rankings_that_begin_later_are_tried_as_on_their_day() -> None:
    assert buy(walkthrough_card().issuer_card_id)
    begins = clock.now().date() + dt.timedelta(days=20)
    draft = draft_with(entry(valid_from=begins, reward_rate=Decimal(9)))

    assert previewed(draft).changed == 0
    assert previewed(draft, as_on=begins).changed == 1


def test_a_product_ranking_finds_the_cards_of_that_product() -> None:
    card = walkthrough_card()
    discover = FundingMethod.objects.get(network="discover")
    product = discover.cardholder.funding_methods.model.product.field.related_model.objects.create(
        key="it", name="it", network="discover"
    )
    FundingMethod.objects.filter(pk=discover.pk).update(product=product)
    assert buy(card.issuer_card_id)

    found = previewed(draft_with(entry(product_id=product.pk, network="", card_name="", reward_rate=Decimal(5))))

    assert discover.last_four in found.purchases.get().card_with_draft


def test_a_preview_goes_on_where_it_stopped_and_counts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    card = walkthrough_card()
    for amount in (100, 200, 300):
        assert buy(card.issuer_card_id, amount=amount)
    monkeypatch.setattr(work, "BATCH", 1)
    draft = draft_with(entry(row_of("visa"), reward_rate=Decimal(4)))
    preview = previews.ask(draft=draft, user=draft.author, days=5)
    messages = Message.objects.filter(topic="rankings.preview_requested")
    assert messages.count() == 1

    work.go_on(preview_id=preview.pk, work_s=0)
    preview.refresh_from_db()
    assert (preview.looked_at, preview.status, messages.count()) == (1, "running", 2)
    assert 0 <= previews.progress_percent(preview) < 100
    with clock.ahead(dt.timedelta(minutes=5)):
        work.sweep()
    work.go_on(preview_id=preview.pk)

    preview.refresh_from_db()
    assert (preview.status, preview.looked_at, preview.changed) == ("finished", 3, 3)
    assert PreviewedPurchase.objects.count() == 3


def test_a_preview_ends_at_the_most_that_it_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    card = walkthrough_card()
    for amount in (100, 200, 300):
        assert buy(card.issuer_card_id, amount=amount)
    monkeypatch.setattr(work, "BATCH", 1)
    monkeypatch.setattr(work, "MOST_DECISIONS", 2)

    found = previewed(draft_with(entry(row_of("visa"), reward_rate=Decimal(4))))

    assert (found.is_cut, found.looked_at, found.status) == (True, 2, "finished")


def test_a_preview_of_a_draft_that_is_changed_meanwhile_ends() -> None:
    assert buy(walkthrough_card().issuer_card_id)
    draft = draft_with(entry())
    preview = previews.ask(draft=draft, user=draft.author, days=5)
    drafts.put(draft=draft, entry=entry(card_name="Later"), user=draft.author)

    work.go_on(preview_id=preview.pk)

    preview.refresh_from_db()
    assert (preview.status, preview.looked_at) == ("outdated", 0)


def test_asked_twice_while_one_runs_is_one_preview() -> None:
    draft = draft_with(entry())

    first, again = (previews.ask(draft=draft, user=draft.author, days=5) for _ in range(2))

    assert first == again
    assert Message.objects.filter(topic="rankings.preview_requested").count() == 1


def test_a_trace_that_says_too_little_is_counted_and_left_out() -> None:
    card = walkthrough_card()
    assert buy(card.issuer_card_id)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE issuing_decision SET trace = '{\"candidates\": [{}]}'")
        cursor.execute("SET session_replication_role = DEFAULT")

    found = previewed(draft_with(entry(row_of("visa"))))

    assert (found.unreadable, found.decided_again, found.status) == (1, 0, "finished")


def terms_draft(key: str, **changes: object) -> RankingDraft:
    """A draft that changes the terms of one product of the shipped catalogue."""
    draft = draft_with()
    assert draft.author is not None
    text = entries_of(read())["products", key] | changes
    drafting.put(draft=draft, kind="products", key=key, entry=text, user=draft.author)
    draft.refresh_from_db()
    return draft


def test_a_draft_of_terms_decides_purchases_by_value_again(settings: Any) -> None:
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    card, by_rules = valued_card(), walkthrough_card()
    assert buy(card.issuer_card_id)
    assert buy(by_rules.issuer_card_id)
    assert buy(card.issuer_card_id, mcc="5944")

    found = previewed(terms_draft("citi-double-cash", base_rate="9"))

    # Gold earns 4 points at 1.5 cents on dinner, and Citi 2 at 1.4 on all else; with 9 points Citi pays both.
    assert (found.status, found.decided_again, found.looked_at) == ("finished", 2, 3)
    assert (found.changed, found.earn_otherwise) == (1, 1)
    assert found.sums == {"USD": {"now_micro": 3_960_000, "draft_micro": 11_340_000}}
    dinner = found.purchases.get(mcc="5812")
    assert ("8431" in dinner.card_now, "4444" in dinner.card_with_draft) == (True, True)


def test_caps_are_as_full_as_the_decision_saw_them(settings: Any) -> None:
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    card = valued_card()
    gold = card.cardholder.funding_methods.get(network="amex")
    CardSpend.objects.create(
        method=gold, name="dining", starts_on=dt.date(clock.now().year, 1, 1), posted_minor=5_000_000
    )
    assert buy(card.issuer_card_id)
    CardSpend.objects.all().delete()

    found = previewed(terms_draft("amex-gold", base_rate="1.5"))

    # Its 4 points are used up, so the Reserve pays, with the draft as before.
    assert (found.decided_again, found.changed, found.earn_otherwise) == (1, 0, 0)


def test_a_ranking_of_a_product_changes_purchases_by_value_as_well(settings: Any) -> None:
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    card = valued_card()
    assert buy(card.issuer_card_id)
    citi = card.cardholder.funding_methods.get(network="mastercard")

    found = previewed(draft_with(entry(product_id=citi.product_id, network="", card_name="", reward_rate=Decimal(9))))

    assert (found.decided_again, found.changed) == (1, 1)


def test_terms_that_do_not_fit_any_more_end_the_preview(settings: Any) -> None:
    valued_card()
    draft = terms_draft("citi-double-cash", programme="bilt")
    preview = previews.ask(draft=draft, user=draft.author, days=5)
    change = CatalogueChange.objects.get(draft=draft)
    CatalogueChange.objects.filter(pk=change.pk).update(entry=change.entry | {"programme": "gone"})

    work.go_on(preview_id=preview.pk)

    preview.refresh_from_db()
    assert (preview.status, preview.looked_at) == ("outdated", 0)
