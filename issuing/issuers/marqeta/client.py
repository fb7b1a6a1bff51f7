"""Marqeta's Core API (docs/issuers/marqeta.md, Core API). Our key is the token, and so their idempotency."""

import datetime as dt
from collections.abc import Callable, Iterator
from urllib.parse import quote

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

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
from issuing.issuers.card_numbers import read_card_data
from issuing.issuers.disputes import DisputeOrder, IssuerDispute
from issuing.issuers.marqeta import disputes as dispute_shapes
from issuing.issuers.marqeta import event_history, registrar, reserve
from issuing.issuers.marqeta import objects as shapes
from issuing.issuers.marqeta.http import Json, MarqetaHttp
from issuing.issuers.registration import Doors, Registration, Repair, Repaired
from onecard.kit import clock

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 3.05, 20.0
# A client access token that nobody redeems dies after five minutes.
REVEAL_LIVES_S = 300
_MOST_CONTROLS = "100"
# Each user of a page costs a request of its own, and a page that fails is asked for again as a whole.
_USERS_A_PAGE = 10


class MarqetaIssuer:
    """Cards with Marqeta. The card product, and with it network and currency, is the program's.

    Marqeta limits users and not single cards: its velocity controls get the limits of the user's card that was made or
    changed last, as a second fence. What each card may spend is ours to enforce. A key is the token of what it makes,
    which Marqeta never forgets, so it needs no look-up and no `asked_at`.
    """

    provider = "marqeta"
    limits_each_card = False
    pays_from_balance = False

    def __init__(
        self,
        *,
        read_timeout_s: float = READ_TIMEOUT_S,
        page_size: int = 100,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        self._http = MarqetaHttp(
            _setting("MARQETA_BASE_URL"),
            credentials=(_setting("MARQETA_APPLICATION_TOKEN"), _setting("MARQETA_ADMIN_ACCESS_TOKEN")),
            timeout_s=(CONNECT_TIMEOUT_S, read_timeout_s),
            gate=gate,
        )
        self._product = _setting("MARQETA_CARD_PRODUCT_TOKEN")
        self._currency: str = settings.MARQETA_CURRENCY
        self._page_size = page_size

    def create_cardholder(self, person: Person, *, key: str, asked_at: dt.datetime | None = None) -> str:
        """Makes the user and activates them: who comes here was verified by us (the card service sees to it)."""
        user = self._http.call("POST", "users", body=shapes.user_body(person, key=key))
        token = shapes.read_token(user)
        if user.get("status") != "ACTIVE":
            self._http.call("POST", "usertransitions", body=shapes.activation_body(token, key=key))
        return token

    def update_cardholder(
        self, issuer_cardholder_id: str, person: Person, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        """Sets the user to just this profile, so the same again changes nothing and needs no key."""
        path = f"users/{quote(issuer_cardholder_id, safe='')}"
        self._http.call("PUT", path, body=shapes.user_update_body(person))

    def create_card(self, order: CardOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuedCard:
        """Limits come first: a card that exists is then never without them."""
        if order.currency != self._currency:
            raise RefusedError(f"This issuer makes cards in {self._currency} only.")
        self._limit_user(order.issuer_cardholder_id, order.limits)
        body = {"token": key, "user_token": order.issuer_cardholder_id, "card_product_token": self._product}
        made = self._http.call("POST", "cards", body=body)
        return shapes.read_card(made, currency=self._currency, limits=order.limits)

    def update_card_status(
        self, issuer_card_id: str, status: str, *, reason: str, key: str, asked_at: dt.datetime | None = None
    ) -> IssuedCard:
        """Moves the card to a state.

        A card that has the state already is left alone, since Marqeta refuses that move.
        """
        card = self._read(self._find(issuer_card_id))
        if card.status != status:
            body = shapes.transition_body(card, status, reason=reason, key=key)
            try:
                self._http.call("POST", "cardtransitions", body=body)
            except RefusedError as refusal:
                now = self._read(self._find(issuer_card_id))
                if now.status != status:
                    raise errors.not_moved(now, status, refusal) from None
        return self._read(self._find(issuer_card_id)) if card.status != status else card

    def set_spending_limits(
        self, issuer_card_id: str, limits: Limits, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        """Sets the user's controls to just these amounts, so the same again changes nothing and needs no key."""
        self._limit_user(str(self._find(issuer_card_id).get("user_token", "")), limits)

    def get_card_details(self, issuer_card_id: str) -> IssuedCard:
        card = self._find(issuer_card_id)
        user = str(card.get("user_token", ""))
        limits = shapes.read_limits(user, self._controls_of(user).values(), currency=self._currency)
        return shapes.read_card(card, currency=self._currency, limits=limits)

    def list_cards(self, *, cursor: str = "") -> CardPage:
        """Returns the cards of a few users; the cursor counts users.

        `limits` are None: they would cost one more call a user.

        Users come in the order of their creation, so that none is passed over while others change.
        """
        start = int(cursor or 0)
        query = {"sort_by": "createdTime", "count": str(min(self._page_size, _USERS_A_PAGE)), "start_index": str(start)}
        users, is_more = shapes.read_rows(self._http.call("GET", "users", query=query))
        found = tuple(self._read(card) for user in users for card in self._cards_of(shapes.read_token(user)))
        return CardPage(found, cursor=str(start + len(users)) if is_more else "")

    def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page:
        """Returns every message of the network, also those that move nothing; the cursor counts what came before.

        Newer rows push older ones down, so a row may come twice over two pages; none is left out. What happened in the
        last minutes, at times hours, may be missing still (docs/issuers/marqeta.md, Reading back).
        """
        start = int(cursor or 0)
        return shapes.read_page(self._transactions(since, start, issuer_card_id), start=start)

    def list_events(self, *, since: dt.datetime, cursor: str = "") -> EventPage:
        """Returns the rows of all transactions, each in its present state only.

        Card transitions have no list of their own. As with the history, a row may come twice, and the latest
        may be missing still.
        """
        start = int(cursor or 0)
        return event_history.read_marqeta_page(self._transactions(since, start), start=start)

    @sensitive_variables()
    def get_balances(self) -> tuple[BalanceThere, ...]:
        """Returns the program's reserve, which is usually 0 with a gateway: the bank settles purchases."""
        return reserve.read_balances(self._http.call("GET", "programreserve/balances"))

    def list_open_holds(self, *, cursor: str = "") -> HoldPage:
        """No balance pays purchases here, so nothing is held of one."""
        return HoldPage((), cursor="")

    def get_card_data(self, issuer_card_id: str) -> CardData:
        path = f"cards/{quote(issuer_card_id, safe='')}/showpan"
        card = self._http.call("GET", path, query={"show_cvv_number": "true"})
        return read_card_data(card.get("pan"), card.get("cvv_number"), last_four=card.get("last_four"))

    def open_dispute(self, order: DisputeOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuerDispute:
        """Makes a chargeback. Its token is our key, so the same call again is the same chargeback."""
        if order.amount.currency != self._currency:
            raise RefusedError(f"This issuer takes disputes in {self._currency} only.")
        try:
            return self._dispute(key)
        except RefusedError as error:
            if error.code != errors.unknown().code:
                raise
        made = self._http.call("POST", "chargebacks", body=dispute_shapes.body(order, key=key))
        return dispute_shapes.read(made, currency=self._currency)

    def submit_dispute(self, issuer_dispute_id: str, *, key: str, asked_at: dt.datetime | None = None) -> IssuerDispute:
        """Reads the dispute again: Marqeta hands a chargeback to the network when it is made."""
        return self._dispute(issuer_dispute_id)

    def reveal(self, issuer_card_id: str, *, nonce: str) -> RevealGrant:
        """Returns a token with which Marqeta's own frames show the number, once; they need no nonce."""
        made = self._http.call("POST", "users/auth/clientaccesstoken", body={"card_token": issuer_card_id})
        return RevealGrant("marqeta_client_access_token", shapes.read_token(made), expires_in_s=REVEAL_LIVES_S)

    def read_registration(self, doors: Doors, *, renew: bool = False) -> Registration:
        return registrar.read(self._http, doors, product_token=self._product, renew=renew)

    def repair_registration(self, repair: Repair) -> Repaired:
        return registrar.repair(self._http, repair)

    def _dispute(self, token: str) -> IssuerDispute:
        found = self._http.call("GET", f"chargebacks/{quote(token, safe='')}")
        return dispute_shapes.read(found, currency=self._currency)

    def _find(self, issuer_card_id: str) -> Json:
        return self._http.call("GET", f"cards/{quote(issuer_card_id, safe='')}")

    def _read(self, card: Json) -> IssuedCard:
        return shapes.read_card(card, currency=self._currency)

    def _cards_of(self, user_token: str) -> Iterator[Json]:
        path, start, is_more = f"cards/user/{quote(user_token, safe='')}", 0, True
        while is_more:
            query = {"sort_by": "createdTime", "count": str(self._page_size), "start_index": str(start)}
            cards, is_more = shapes.read_rows(self._http.call("GET", path, query=query))
            yield from cards
            start += len(cards)

    def _transactions(self, since: dt.datetime, start: int, card_token: str = "") -> Json:
        query = {
            "state": "ALL",
            "start_date": _timestamp(since),
            "end_date": _timestamp(clock.now() + dt.timedelta(days=1)),
            "sort_by": "-user_transaction_time",
            "count": str(self._page_size),
            "start_index": str(start),
        }
        return self._http.call("GET", "transactions", query=query | ({"card_token": card_token} if card_token else {}))

    def _controls_of(self, user_token: str) -> dict[str, Json]:
        listed = self._http.call("GET", "velocitycontrols", query={"user": user_token, "count": _MOST_CONTROLS})
        return {str(row.get("token")): row for row in listed.get("data") or () if isinstance(row, dict)}

    def _limit_user(self, user_token: str, limits: Limits) -> None:
        there = self._controls_of(user_token)
        for body in shapes.control_bodies(user_token, limits, currency=self._currency):
            known = there.get(body["token"])
            if known is None:
                self._create_control(body)
            elif any(known.get(name) != value for name, value in body.items()):
                self._http.call("PUT", f"velocitycontrols/{body['token']}", body=body)

    def _create_control(self, body: Json) -> None:
        try:
            self._http.call("POST", "velocitycontrols", body=body)
        except RefusedError as error:
            if error.code == errors.KEY_REUSED:
                # Somebody made it a moment ago with other amounts: the next try will see it.
                raise errors.no_answer() from None
            raise


def _timestamp(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _setting(name: str) -> str:
    value = str(getattr(settings, name, ""))
    if not value:
        raise errors.UnusableIssuerError(f"{name} is not set, so no card can be made with Marqeta.")
    return value
