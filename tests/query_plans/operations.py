"""What runs often or while somebody waits: the sweeps, the webhooks, the cardholder's API and the pages of staff."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from audit.models import Entry
from issuing import journal
from issuing.activity import decision_notices
from issuing.authorizations import close_out
from issuing.backtest import preview as ranking_preview
from issuing.backtest.controls import preview as control_preview
from issuing.billing import top_ups
from issuing.card_data import reveal
from issuing.cards import changes as card_changes
from issuing.cards import due_comparisons, profile_updates
from issuing.clearing import card_transactions, manual_matching
from issuing.controls import passes, report
from issuing.disputes import requests as dispute_requests
from issuing.disputes import submission as dispute_submission
from issuing.disputes.request_errors import DisputeRefusedError
from issuing.handlers import dispatch
from issuing.inbox import bodies
from issuing.issuers.errors import IssuerError
from issuing.issuers.mock import MockIssuer
from issuing.locking import locked_purchase
from issuing.models import (
    Authorization,
    CardTransaction,
    Decision,
    Dispute,
    IssuerEvent,
    RewardEntry,
    SyncRun,
    VirtualCard,
)
from issuing.operations import balances as issuer_balances
from issuing.operations import hourly_sums
from issuing.reconcile import recorded
from issuing.rewards import space_prices, spend_book, spend_sweep, totals
from issuing.rewards import sweep as rewards_sweep
from issuing.rewards.monthly import mail as monthly_mail
from issuing.rewards.monthly import purchases as monthly_purchases
from issuing.rewards.monthly import report as monthly_report
from issuing.sync import run as sync
from onecard.alerts import evaluation as alert_evaluation
from onecard.alerts import sending as alert_sending
from onecard.api import idempotency
from onecard.desk.people_search import find_people
from onecard.integrations import endpoints
from onecard.integrations import replay as webhook_replay
from onecard.integrations import retention as webhook_retention
from onecard.integrations import sending as webhook_sending
from onecard.integrations.models import Endpoint
from onecard.kit import clock, list_search
from onecard.kit.money import Money
from onecard.kit.postgresql import partitions
from onecard.metrics import counting as metrics_counting
from onecard.metrics.sources import SOURCES
from onecard.notices import mails as notice_mails
from onecard.notices import services as notices
from onecard.notices.kinds import Kind
from onecard.outbox import relay
from routing import preview
from routing.models import RankingDraft, RankingPreview
from tests.proofs.desk.addresses import typed_into
from tests.query_plans.stand_in import fold_of_stand_in, snapshot_of_cards
from tests.support import stripe_events
from tests.support.back_office import logged_in, superuser
from tests.support.processors import Obliging
from wallet import card_removal, carried_amounts, receivable_notice
from wallet.card_removal import CardOwesError
from wallet.casework import by_hand
from wallet.charges import cascade, charge
from wallet.fees import book as fees
from wallet.kyc import expiry as kyc_expiry
from wallet.methods import detachment, setups
from wallet.models import (
    Cardholder,
    CardSetup,
    Case,
    EnteredAmount,
    FundingCharge,
    FundingObligation,
    PersonNote,
    Posting,
)
from wallet.own_money import booking as own_money_booking
from wallet.own_money import reading as own_money_reading
from wallet.processors.stripe.balance import BalancePage
from wallet.refunds import send as refund_sending

Operation = Callable[[], object]
WITH_PAGE: Final = (
    Authorization, CardTransaction, Dispute, IssuerEvent, SyncRun, VirtualCard,
    Cardholder, Case, FundingObligation, RankingDraft, RankingPreview,
)  # fmt: skip


class EmptyList:
    """A processor's list of balance transactions without any."""

    def list_movements(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> BalancePage:
        return BalancePage((), cursor="")

    def list_about(self, source_id: str) -> BalancePage:
        return BalancePage((), cursor="")


def sweeps() -> Iterator[tuple[str, Operation]]:
    """Each sweep, with a little work to do."""
    processor = Obliging()
    yield "sweep of charges", lambda: charge.sweep(processor=processor)
    yield "sweep of refunds", lambda: refund_sending.sweep(processor=processor)
    yield "sweep of the cascade", cascade.sweep
    yield "sweep of notices", receivable_notice.sweep
    yield "sweep of reported card setups", setups.sweep
    yield "sweep of removed cards", detachment.sweep
    yield "sweep of carried amounts", carried_amounts.sweep
    yield "sweep of verifications", kyc_expiry.sweep
    yield "sweep of the inbox", dispatch.sweep
    yield "sweep of card changes", card_changes.sweep
    yield "sweep of profile updates", lambda: profile_updates.sweep(issuer=MockIssuer())
    yield "sweep of card comparisons", due_comparisons.sweep
    yield "sweep of top-ups", top_ups.sweep
    yield "sweep of closed purchases", close_out.sweep
    yield "sweep of dispute requests", lambda: dispute_submission.sweep(issuer=MockIssuer())
    yield "reminder of dispute requests", dispute_submission.remind
    yield "sweep of rewards", rewards_sweep.sweep
    yield "sweep of spend", spend_sweep.sweep
    yield "sweep of prices of space", space_prices.sweep
    yield "sweep of previews of rankings", ranking_preview.sweep
    yield "sweep of previews of controls", control_preview.sweep
    yield "start of the comparison with issuers", lambda: sync.due_providers(clock.now())
    yield "sweep of old requests of the API", idempotency.forget_old
    yield "sweep of mails of notices", notice_mails.sweep
    yield "sweep of decisions without a notice", decision_notices.sweep
    yield "sweep of webhooks", webhook_sending.sweep
    yield "evaluation of the alerts", alert_evaluation.evaluate
    yield "sweep of messages of alerts", alert_sending.sweep
    yield "sweep of old events", webhook_retention.forget_old
    yield "months of tables", partitions.add_all_months
    yield "writing out of the journal", journal.write_waiting
    yield "relay", lambda: relay.relay_once(lambda *_: None, {})
    yield "sums of the hours", hourly_sums.refresh
    yield "snapshot of cards for stand-in", snapshot_of_cards
    yield "fold of stand-in", fold_of_stand_in
    yield "counts of the metrics", lambda: metrics_counting.count(SOURCES)
    yield "sweep of reconciliations", recorded.sweep
    yield "start of the fees", fees.unbooked_since
    yield "start of top-ups and payouts", own_money_reading.read_since
    yield "sweep of top-ups and payouts", lambda: own_money_booking.sweep(lists=EmptyList())
    yield "balances at issuers", issuer_balances.current
    month = {"since": dt.date(2020, 3, 1), "until": dt.date(2020, 4, 1)}
    yield "sweep of monthly reports", monthly_mail.sweep
    yield "people without a monthly report", lambda: list(monthly_mail.due(dt.date(2020, 3, 1), [17, 18, 19]))
    yield "rewards of a month", lambda: list(totals.totals(by="month", **month))


def domain_calls() -> Iterator[tuple[str, Operation]]:
    """What these tables are asked for on rarer ways: by a person's button, a late report or a failed charge."""
    purchase = Authorization.objects.get(pk=17)
    movement = CardTransaction.objects.get(pk=17)
    carrier = FundingCharge.objects.get(pk=17)
    carrier.carried_minor = 10
    ten = Money(10, "USD")
    yield "transactions that wait for a purchase", lambda: _linked(purchase)
    yield "purchases that a refund may be of", lambda: list(manual_matching.candidates(movement))
    yield "staff who may work a case", lambda: list(by_hand.assignees())
    yield "carried amounts of a failed charge", lambda: carried_amounts.return_to_waiting(carrier)
    yield "carried amounts of a purchase", lambda: carried_amounts.take_back("authorization:17", ten)
    yield "booking of spend", lambda: spend_book.book_spend(17)
    person = Cardholder.objects.get(pk=17)
    yield "monthly report of a person", lambda: monthly_report.reports_of(person, dt.date(2020, 3, 1))
    yield "spend before a month", lambda: monthly_purchases.spent_before(person, dt.date(2020, 3, 1), "USD")
    yield "spend and prices of a person", lambda: preview.person_of(person, clock.now())
    yield "rewards of a charge", lambda: list(RewardEntry.objects.filter(charge=carrier, kind="charge"))
    yield "whether a capture is disputed", lambda: _disputed(movement)
    decision, days = Decision.objects.get(pk=17), dt.timedelta(days=7)
    yield "whether a purchase may be answered", lambda: passes.is_offered(decision)
    yield "passes of a card", lambda: passes.opened_within_a_day(17)
    yield "hits of controls", lambda: report.recent_hits([1, 2], today=clock.now(), week=clock.now() - days)
    yield "wins of one dispute", Posting.objects.filter(key__startswith="charge_won:du_17:").count
    yield (
        "amounts of one person",
        lambda: list(
            EnteredAmount.objects.filter(
                cardholder=17, entered_by=17, entered_at__gt=clock.now() - dt.timedelta(days=99)
            )
        ),
    )
    for text in ("Person 1717", "u1717@example.com", "+1 415 0001717", "cus_1717", "1717", str(uuid.UUID(int=17))):
        yield f"search for a person by {text}", partial(_find_among_many, text)
    long_ago = dt.date(2019, 1, 1)
    yield "rewards of a person", lambda: totals.totals(by="month", cardholder="u1717", since=long_ago)
    for rows, path, words in (
        (FundingObligation.objects.order_by("-pk"), "cardholder__name", "Person 1717"),
        (CardTransaction.objects.order_by(), "merchant_name", "Shop 171"),
    ):
        yield f"search of {path} in a long list", partial(_search_among_many, rows, path, words)
    yield "notes about a person", lambda: list(PersonNote.objects.filter(cardholder=17))
    yield "removal of a funding card", _remove_a_card
    yield "notice of a person", partial(_tell, 18)
    endpoint = Endpoint.objects.get(pk=18)
    yield (
        "replay of webhooks",
        partial(
            webhook_replay.replay,
            endpoint,
            since=clock.now() - dt.timedelta(days=99),
            only_missed=True,
            actor="user:18",
        ),
    )
    yield "end of a webhook endpoint", lambda: endpoints.delete(endpoint, actor="user:18")
    yield "open cases of a person", lambda: list(Case.objects.filter(owner=30, status="open"))
    yield "bodies of a purchase", lambda: bodies.bodies_of(IssuerEvent.objects.filter(object_id="iauth_17"))
    yield "trail of a case", lambda: list(Entry.objects.filter(subject_type="case", subject_id="17"))


def deliveries() -> Iterator[tuple[str, Operation]]:
    """What issuers and the processor send about a purchase that we know; the inbox handles it at once."""
    request = stripe_events.authorization_request(card="ic_17", authorization="iauth_17")
    yield "later round of a purchase", partial(stripe_events.post, request)
    yield "first round of a purchase", partial(stripe_events.post, stripe_events.authorization_request(card="ic_18"))
    content = request["data"]["object"]
    capture = {
        "id": "ipi_new", "object": "issuing.transaction", "amount": -4500, "currency": "usd", "type": "capture",
        "authorization": "iauth_17", "card": "ic_17", "created": 1_790_000_000,
        "merchant_data": content["merchant_data"], "merchant_amount": -4500, "merchant_currency": "usd",
    }  # fmt: skip
    refund = capture | {"id": "ipi_back", "amount": 900, "type": "refund", "authorization": None}
    dispute = {
        "id": "idp_new", "object": "issuing.dispute", "amount": 4500, "currency": "usd", "status": "submitted",
        "transaction": "ipi_17", "created": 1_790_000_000, "evidence": {"reason": "fraudulent"},
    }  # fmt: skip
    intent = {"id": "pi_17", "object": "payment_intent", "status": "succeeded", "amount": 4500, "currency": "usd"}
    customer = {"id": "cus_17", "object": "customer"}
    saved = {"card_setup": str(CardSetup.objects.get(pk=18).request_id)}
    setup = {"id": "seti_18", "object": "setup_intent", "status": "succeeded", "metadata": saved}
    for kind, what in (
        ("issuing_authorization.updated", content | {"status": "closed", "approved": True, "amount": 4500}),
        ("issuing_transaction.created", capture),
        ("issuing_transaction.created", refund),
        ("issuing_dispute.submitted", dispute),
        ("payment_intent.succeeded", intent),
        ("setup_intent.succeeded", setup),
        ("customer.deleted", customer),
        ("issuing_card.updated", {"id": "ic_17", "object": "issuing.card", "status": "inactive"}),
        ("issuing_cardholder.updated", {"id": "ich_17", "object": "issuing.cardholder", "status": "active"}),
    ):
        yield f"{kind} of {what['id']}", partial(_delivered, stripe_events.event(kind, what))


def _remove_a_card() -> None:
    holder = Cardholder.objects.get(pk=17)
    card = holder.funding_methods.order_by("pk")[0]
    with suppress(CardOwesError):
        card_removal.remove(holder, card.pk, actor="user:17")


def _search_among_many(rows: Any, path: str, words: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan TO off")
        list(list_search.with_words(rows, [path], words)[0])
        cursor.execute("SET LOCAL enable_seqscan TO on")


def _find_among_many(text: str) -> None:
    """As with a million people, of whom PostgreSQL would not read all as it may read two thousand."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan TO off")
        find_people(text)
        cursor.execute("SET LOCAL enable_seqscan TO on")


def _tell(person: int) -> None:
    notices.write(user_id=person, kind=Kind.REFUND_ARRIVED, cause="refund:new", text="5.00 USD went back.")


def _linked(purchase: Authorization) -> None:
    with locked_purchase(purchase) as row:
        card_transactions.link(row)


def _disputed(movement: CardTransaction) -> None:
    with suppress(DisputeRefusedError):
        dispute_requests.refuse_if_disputed(movement)


def _delivered(event: dict[str, object]) -> None:
    stripe_events.post(event)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM issuing_issuerevent")
        (event_pk,) = cursor.fetchone()
    dispatch.handle_if_due(event_pk=event_pk)


def pages() -> Iterator[tuple[str, Operation]]:
    """Every list of the back office without filter and search, the pages that tell a whole story, and the API."""
    client = logged_in(superuser())
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield f"list {name}", partial(_opened, client, reverse(f"{name}_changelist"))
        if model in WITH_PAGE:
            key = model._default_manager.order_by("pk").values_list("pk", flat=True)[16]
            yield f"page {name}", partial(_opened, client, reverse(f"{name}_change", args=[key]))
    yield "page of a control's report", partial(_opened, client, reverse("desk:control-report", args=[1]))
    for name in ("admin:index", "desk:live", "desk:health"):
        yield f"page {name}", partial(_opened, client, reverse(name))
    customer = Cardholder.objects.get(pk=18).public_id
    for name in ("person", "person-purchases", "person-messages", "person-history"):
        yield f"page desk:{name}", partial(_opened, client, reverse(f"desk:{name}", args=[customer]))
    yield "reveal of a card by its holder", _reveal
    person = logged_in(Cardholder.objects.get(pk=18).user)
    for name in ("wallet", "card-products", "funding-cards", "disputes"):
        yield f"API {name}", partial(_opened, person, reverse(name))
    for name in ("notifications", "webhook-endpoints"):
        yield f"API {name}", partial(_opened, person, reverse(name))
    yield "API unread notifications", partial(_opened, person, f"{reverse('notifications')}?unread=true")
    hook = Endpoint.objects.get(user=Cardholder.objects.get(pk=18).user)
    yield "API webhook-deliveries", partial(_opened, person, reverse("webhook-deliveries", args=[hook.public_id]))
    mine = VirtualCard.objects.filter(cardholder=18).latest("pk")
    yield "API cards", partial(_opened, person, reverse("cards"))
    for name in ("card", "card-limits", "card-controls", "card-top-ups"):
        yield f"API {name}", partial(_opened, person, reverse(name, args=[mine.public_id]))


def searches() -> Iterator[tuple[str, Operation]]:
    """Every search of a list by each of its whole ids, and by a part of each of its columns."""
    asking = _Asking()
    for room in asking.rooms():
        name = room.model._meta.label
        for *_before, column in room.search_ids:
            yield f"search by id {name} {column}", partial(asking.rows, room, q=_value(room.model, column))
        for column in room.search_fields:
            part = _value(room.model, column)[1:] or "17"
            yield f"search by words {name} {column}", partial(asking.rows, room, q=part)


def filters() -> Iterator[tuple[str, Operation]]:
    """Every list filtered by each choice that its page offers, and by what people type."""
    asking = _Asking()
    for room in asking.rooms():
        page = asking.rows(room)
        for each in page.filter_specs:
            links = [it["query_string"].lstrip("?") for it in each.choices(page) if "query_string" in it]
            for query in (*(dict(parse_qsl(link)) for link in links), *typed_into(each)):
                yield f"filter {room.model._meta.label} {each.title}: {query}", partial(asking.rows, room, **query)


class _Asking:
    """A person of the staff who asks for lists."""

    def __init__(self) -> None:
        self.user = superuser()

    def rooms(self) -> Iterator[Any]:
        """The pages with a list; one whose list is a page of its own has no filter and no search."""
        return (room for room in admin.site._registry.values() if "changelist_view" not in vars(type(room)))

    def rows(self, room: Any, **query: str) -> Any:
        request = RequestFactory().get("/", query)
        request.user = self.user
        page = room.get_changelist_instance(request)
        assert len(page.result_list) <= room.list_per_page
        return page


def _value(model: type[Model], column: str) -> str:
    """What one of the rows has in this column, or in that of a row that it leads to."""
    rows = model._default_manager.filter(pk__gte=17).order_by("pk")
    return str(rows.values_list(column, flat=True).first() or "")


def _opened(client: Client, url: str) -> None:
    assert client.get(url).status_code == 200, url


def _reveal() -> None:
    card = VirtualCard.objects.get(pk=17)
    # Its issuer is not there; all that the database is asked comes before.
    with suppress(IssuerError):
        reveal.grant_to_cardholder(public_id=card.public_id, user=card.cardholder.user, nonce="nonce_1234567890abcdef")
