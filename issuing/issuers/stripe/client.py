"""Stripe Issuing through the `stripe` package (docs/issuers/stripe.md, The Python package)."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import stripe
from django.conf import settings
from stripe.params import EphemeralKeyCreateParams
from stripe.params.issuing import (
    AuthorizationListParams,
    CardCreateParams,
    CardholderListParams,
    CardListParams,
    CardUpdateParams,
    DisputeListParams,
)
from stripe.params.issuing import TransactionListParams as ListParams

from issuing.issuers import errors
from issuing.issuers.balances import BalanceThere, HoldPage
from issuing.issuers.base import (
    CardData,
    CardOrder,
    CardPage,
    EventPage,
    IssuedCard,
    Limits,
    Page,
    Person,
    RefusedError,
    RevealGrant,
)
from issuing.issuers.disputes import DisputeOrder, EvidenceFile, IssuerDispute
from issuing.issuers.registration import Doors, Registration, Repair, Repaired
from issuing.issuers.stripe import balances as balance_shapes
from issuing.issuers.stripe import card_numbers, event_history, registrar
from issuing.issuers.stripe import disputes as dispute_shapes
from issuing.issuers.stripe import objects as shapes
from issuing.issuers.stripe.calls import ask, change
from onecard.kit import clock, durations

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 3.05, 20.0

Json = dict[str, Any]


class StripeIssuer:
    """Cards with Stripe. Frozen is `inactive` there; a mark in the metadata tells it from a card never activated."""

    provider = "stripe"
    limits_each_card = True
    pays_from_balance = True

    def __init__(
        self,
        *,
        read_timeout_s: float = READ_TIMEOUT_S,
        page_size: int = 100,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        self._transport = _GatedClient(gate, read_timeout_s)
        self._client = _new_client(self._transport)
        self._issuing = self._client.v1.issuing
        self._page_size = page_size

    def create_cardholder(self, person: Person, *, key: str, asked_at: dt.datetime | None = None) -> str:
        params = shapes.cardholder_params(person, key=key)
        wanted: CardholderListParams = {"email": person.email, "limit": 100}
        made = change(
            key,
            asked_at,
            lambda options: self._issuing.cardholders.create(params, options),
            find=lambda: shapes.first_made_with(key, self._issuing.cardholders.list(wanted).auto_paging_iter()),
        )
        return shapes.read_id(made)

    def update_cardholder(
        self, issuer_cardholder_id: str, person: Person, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        """The name at the top of Stripe's object is no parameter of an update; the person's own names are."""
        params = shapes.cardholder_update_params(person)
        # The same change done twice is the change done once, so there is nothing to find first.
        change(key, asked_at, lambda options: self._issuing.cardholders.update(issuer_cardholder_id, params, options))

    def create_card(self, order: CardOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuedCard:
        params: CardCreateParams = {
            "cardholder": order.issuer_cardholder_id,
            "currency": order.currency.lower(),
            "type": "virtual",
            "status": "inactive",
            "spending_controls": {
                "spending_limits": shapes.limit_params(replace(order.limits, currency=order.currency))
            },
            "metadata": {shapes.KEY: key},
        }
        wanted: CardListParams = {"cardholder": order.issuer_cardholder_id, "limit": 100}
        made = change(
            key,
            asked_at,
            lambda options: self._issuing.cards.create(params, options),
            find=lambda: shapes.first_made_with(key, self._issuing.cards.list(wanted).auto_paging_iter()),
        )
        return shapes.read_card(made)

    def update_card_status(
        self, issuer_card_id: str, status: str, *, reason: str, key: str, asked_at: dt.datetime | None = None
    ) -> IssuedCard:
        params: CardUpdateParams = {
            "status": shapes.status_to_stripe(status),
            "metadata": {shapes.MARK: status, shapes.REASON: reason[:500]},
        }
        try:
            return shapes.read_card(self._update(issuer_card_id, params, key, asked_at))
        except RefusedError as refusal:
            card = self.get_card_details(issuer_card_id)
            if card.status == status:
                return card
            raise errors.not_moved(card, status, refusal) from None

    def set_spending_limits(
        self, issuer_card_id: str, limits: Limits, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        params: CardUpdateParams = {"spending_controls": {"spending_limits": shapes.limit_params(limits)}}
        self._update(issuer_card_id, params, key, asked_at)

    def get_card_details(self, issuer_card_id: str) -> IssuedCard:
        return shapes.read_card(ask(lambda: self._issuing.cards.retrieve(issuer_card_id).to_dict()))

    def list_cards(self, *, cursor: str = "") -> CardPage:
        """Returns a page of cards; the cursor is the last id of the page before."""
        params: CardListParams = {"limit": self._page_size}
        if cursor:
            params["starting_after"] = cursor
        return shapes.read_card_page(ask(lambda: self._issuing.cards.list(params).to_dict()))

    def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page:
        """Returns a page of transactions; the cursor is the last id of the page before."""
        params: ListParams = {"created": {"gte": int(since.timestamp())}, "limit": self._page_size}
        if issuer_card_id:
            params["card"] = issuer_card_id
        if cursor:
            params["starting_after"] = cursor
        return shapes.read_page(ask(lambda: self._issuing.transactions.list(params).to_dict()))

    def list_events(self, *, since: dt.datetime, cursor: str = "") -> EventPage:
        """Of the last 30 days, which is as long as Stripe keeps events; the cursor is the last id of the page before.

        A body has the shape of the API version that the event was made for, as at our endpoint; its bytes may differ.
        """
        params: Json = {
            "created": {"gte": int(since.timestamp())},
            "types": list(event_history.STRIPE_TYPES),
            "limit": self._page_size,
        }
        if cursor:
            params["starting_after"] = cursor
        # Raw, since the package's typed objects do not turn back into the JSON that they came from.
        answer = ask(lambda: self._client.raw_request("get", "/v1/events", **params))
        return event_history.read_stripe_page(answer.body.encode())

    def get_balances(self) -> tuple[BalanceThere, ...]:
        return balance_shapes.read_balances(ask(lambda: self._client.v1.balance.retrieve().to_dict()))

    def list_open_holds(self, *, cursor: str = "") -> HoldPage:
        """Returns a page of authorizations that are not closed; the cursor is the last id of the page before."""
        params: AuthorizationListParams = {"status": "pending", "limit": self._page_size}
        if cursor:
            params["starting_after"] = cursor
        return balance_shapes.read_holds(ask(lambda: self._issuing.authorizations.list(params).to_dict()))

    def get_card_data(self, issuer_card_id: str) -> CardData:
        return card_numbers.get_card_data(self._transport, issuer_card_id)

    def open_dispute(self, order: DisputeOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuerDispute:
        file_id = self._upload(order.file, key, asked_at) if order.file else ""
        params: Any = dispute_shapes.params(order, key=key, file_id=file_id)
        wanted: DisputeListParams = {"transaction": order.issuer_transaction_id, "limit": 100}
        made = change(
            key,
            asked_at,
            lambda options: self._issuing.disputes.create(params, options),
            find=lambda: shapes.first_made_with(key, self._issuing.disputes.list(wanted).auto_paging_iter()),
        )
        return dispute_shapes.read(made)

    def submit_dispute(self, issuer_dispute_id: str, *, key: str, asked_at: dt.datetime | None = None) -> IssuerDispute:
        """Looked at first, since Stripe refuses to submit what is submitted already."""
        dispute = ask(lambda: self._issuing.disputes.retrieve(issuer_dispute_id).to_dict())
        if dispute.get("status") == "unsubmitted":
            dispute = change(
                f"{key}:submit",
                asked_at,
                lambda options: self._issuing.disputes.submit(issuer_dispute_id, {}, options),
            )
        return dispute_shapes.read(dispute)

    def reveal(self, issuer_card_id: str, *, nonce: str) -> RevealGrant:
        """Returns an ephemeral key for Issuing Elements, good for the one card and the one nonce."""
        params: EphemeralKeyCreateParams = {"issuing_card": issuer_card_id, "nonce": nonce}
        version: stripe.RequestOptions = {"stripe_version": settings.STRIPE_API_VERSION}
        made = ask(lambda: self._client.v1.ephemeral_keys.create(params, version).to_dict())
        return shapes.read_grant(made, now_s=clock.now().timestamp())

    def read_registration(self, doors: Doors, *, renew: bool = False) -> Registration:
        """Stripe has no password of ours, and shows a signing secret once, so nothing can be set again."""
        return registrar.read(self._client, doors)

    def repair_registration(self, repair: Repair) -> Repaired:
        return registrar.repair(self._client, repair)

    def _upload(self, file: EvidenceFile, key: str, asked_at: dt.datetime | None) -> str:
        """Uploads a document; one that is uploaded twice and used once does no harm, so there is nothing to find."""

        def send(options: stripe.RequestOptions) -> stripe.StripeObject:
            params: Any = dispute_shapes.upload(file)
            return self._client.v1.files.create(params, options)

        return shapes.read_id(change(f"{key}:file", asked_at, send))

    def _update(self, issuer_card_id: str, params: CardUpdateParams, key: str, asked_at: dt.datetime | None) -> Json:
        # The same change done twice is the change done once, so there is nothing to find first.
        return change(key, asked_at, lambda options: self._issuing.cards.update(issuer_card_id, params, options))


class _GatedClient(stripe.RequestsClient):
    """The package's own transport; each request first passes the gate, those of a long list too, and is timed."""

    def __init__(self, gate: Callable[[], None], read_timeout_s: float) -> None:
        super().__init__(timeout=(CONNECT_TIMEOUT_S, read_timeout_s))
        self._gate = gate

    def request(self, *args: Any, **more: Any) -> Any:
        self._gate()
        with durations.timed("issuer_call", StripeIssuer.provider) as call:
            answer = super().request(*args, **more)
            call.status = answer[1]
        return answer


def _new_client(transport: stripe.HTTPClient) -> stripe.StripeClient:
    """Sends each request once: retrying is decided in one place, ours (money-safety T19)."""
    base = settings.STRIPE_API_BASE
    bases: Any = {"api": base, "files": base} if base else {}
    return stripe.StripeClient(
        settings.STRIPE_API_KEY,
        base_addresses=bases,
        max_network_retries=0,
        http_client=transport,
        stripe_version=settings.STRIPE_API_VERSION,
    )
