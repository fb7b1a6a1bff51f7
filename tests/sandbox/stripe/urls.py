"""Every address of Stripe's API that the sandbox answers, on one screen."""

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from tests.sandbox.stripe import (
    balance_transactions,
    balance_transfers,
    balances,
    cardholders,
    cards,
    charge_disputes,
    checkout,
    customers,
    disputes,
    ephemeral_keys,
    event_records,
    files,
    issuing_records,
    payment_intents,
    payment_methods,
    payouts,
    purchase_specs,
    purchases,
    refunds,
    settlement,
    setup_intents,
    topups,
    webhook_endpoints,
)
from tests.sandbox.stripe.command import Endpoint
from tests.sandbox.stripe.errors import RefusedError

_PURCHASES = "/v1/test_helpers/issuing/authorizations"
_CHARGED = "/v1/test_helpers/payment_intents"
_POSTINGS = "/v1/test_helpers/issuing/transactions"

ENDPOINTS = (
    Endpoint("POST", "/v1/customers", customers.create, customers.CREATE),
    Endpoint("GET", "/v1/customers/<id>", customers.retrieve, customers.RETRIEVE),
    Endpoint("DELETE", "/v1/customers/<id>", customers.delete, customers.RETRIEVE),
    Endpoint("POST", "/v1/payment_methods", payment_methods.create, payment_methods.CREATE),
    Endpoint("GET", "/v1/payment_methods", payment_methods.list_, payment_methods.LIST),
    Endpoint("GET", "/v1/payment_methods/<id>", payment_methods.retrieve, payment_methods.RETRIEVE),
    Endpoint("POST", "/v1/payment_methods/<id>/attach", payment_methods.attach, payment_methods.ATTACH),
    Endpoint("POST", "/v1/payment_methods/<id>/detach", payment_methods.detach, payment_methods.DETACH),
    Endpoint("POST", "/v1/payment_methods/<id>", payment_methods.update, payment_methods.UPDATE),
    Endpoint("POST", "/v1/test_helpers/payment_methods/<id>/replace", payment_methods.replace, payment_methods.REPLACE),
    Endpoint("POST", "/v1/files", files.create, files.CREATE),
    Endpoint("GET", "/v1/files/<id>", files.retrieve, files.RETRIEVE),
    Endpoint("POST", "/v1/setup_intents", setup_intents.create, setup_intents.CREATE),
    Endpoint("GET", "/v1/setup_intents", setup_intents.list_, setup_intents.LIST),
    Endpoint("GET", "/v1/setup_intents/<id>", setup_intents.retrieve, setup_intents.RETRIEVE),
    Endpoint("POST", "/v1/setup_intents/<id>/confirm", setup_intents.confirm, setup_intents.CONFIRM),
    Endpoint("POST", "/v1/setup_intents/<id>/cancel", setup_intents.cancel, setup_intents.CANCEL),
    Endpoint(
        "POST",
        "/v1/test_helpers/setup_intents/<id>/authenticate",
        setup_intents.authenticate,
        setup_intents.AUTHENTICATE,
    ),
    Endpoint("POST", "/v1/checkout/sessions", checkout.create, checkout.CREATE),
    Endpoint("GET", "/v1/checkout/sessions/<id>", checkout.retrieve, checkout.RETRIEVE),
    Endpoint("POST", "/v1/test_helpers/checkout/sessions/<id>/complete", checkout.complete, checkout.COMPLETE),
    Endpoint("POST", "/v1/payment_intents", payment_intents.create, payment_intents.CREATE),
    Endpoint("GET", "/v1/payment_intents", payment_intents.list_, payment_intents.LIST),
    Endpoint("GET", "/v1/payment_intents/<id>", payment_intents.retrieve, payment_intents.RETRIEVE),
    Endpoint("POST", "/v1/payment_intents/<id>/confirm", payment_intents.confirm, payment_intents.CONFIRM),
    Endpoint("POST", "/v1/payment_intents/<id>/capture", payment_intents.capture, payment_intents.CAPTURE),
    Endpoint("POST", "/v1/payment_intents/<id>/cancel", payment_intents.cancel, payment_intents.CANCEL),
    Endpoint("POST", "/v1/refunds", refunds.create, refunds.CREATE),
    Endpoint("GET", "/v1/refunds", refunds.list_, refunds.LIST),
    Endpoint("GET", "/v1/refunds/<id>", refunds.retrieve, refunds.RETRIEVE),
    Endpoint("GET", "/v1/balance_transactions", balance_transactions.list_, balance_transactions.LIST),
    Endpoint("GET", "/v1/balance_transactions/<id>", balance_transactions.retrieve, balance_transactions.RETRIEVE),
    Endpoint("GET", "/v1/balance", balances.retrieve, balances.RETRIEVE),
    Endpoint("POST", "/v1/balance_transfers", balance_transfers.create, balance_transfers.CREATE),
    Endpoint("POST", "/v1/topups", topups.create, topups.CREATE),
    Endpoint("GET", "/v1/topups", topups.list_, topups.LIST),
    Endpoint("GET", "/v1/topups/<id>", topups.retrieve, topups.RETRIEVE),
    Endpoint("POST", "/v1/topups/<id>/cancel", topups.cancel, topups.DECIDE),
    Endpoint("POST", "/v1/test_helpers/topups/<id>/succeed", topups.succeed, topups.DECIDE),
    Endpoint("POST", "/v1/test_helpers/topups/<id>/fail", topups.fail, topups.DECIDE),
    Endpoint("POST", "/v1/test_helpers/topups/<id>/reverse", topups.reverse, topups.DECIDE),
    Endpoint("POST", "/v1/payouts", payouts.create, payouts.CREATE),
    Endpoint("GET", "/v1/payouts", payouts.list_, payouts.LIST),
    Endpoint("GET", "/v1/payouts/<id>", payouts.retrieve, payouts.RETRIEVE),
    Endpoint("POST", "/v1/payouts/<id>/cancel", payouts.cancel, payouts.DECIDE),
    Endpoint("POST", "/v1/test_helpers/payouts/<id>/send", payouts.send, payouts.DECIDE),
    Endpoint("POST", "/v1/test_helpers/payouts/<id>/pay", payouts.pay, payouts.DECIDE),
    Endpoint("POST", "/v1/test_helpers/payouts/<id>/fail", payouts.fail, payouts.DECIDE),
    Endpoint("POST", "/v1/issuing/cardholders", cardholders.create, cardholders.CREATE),
    Endpoint("GET", "/v1/issuing/cardholders", cardholders.list_, cardholders.LIST),
    Endpoint("GET", "/v1/issuing/cardholders/<id>", cardholders.retrieve, cardholders.RETRIEVE),
    Endpoint("POST", "/v1/issuing/cardholders/<id>", cardholders.update, cardholders.UPDATE),
    Endpoint("POST", "/v1/issuing/cards", cards.create, cards.CREATE),
    Endpoint("GET", "/v1/issuing/cards", cards.list_, cards.LIST),
    Endpoint("GET", "/v1/issuing/cards/<id>", cards.retrieve, cards.RETRIEVE),
    Endpoint("POST", "/v1/issuing/cards/<id>", cards.update, cards.UPDATE),
    Endpoint(
        "GET", "/v1/issuing/authorizations", issuing_records.list_authorizations, issuing_records.LIST_AUTHORIZATIONS
    ),
    Endpoint(
        "GET", "/v1/issuing/authorizations/<id>", issuing_records.retrieve_authorization, issuing_records.RETRIEVE
    ),
    Endpoint("POST", "/v1/issuing/authorizations/<id>", issuing_records.update_authorization, issuing_records.UPDATE),
    Endpoint("GET", "/v1/issuing/transactions", issuing_records.list_transactions, issuing_records.LIST_TRANSACTIONS),
    Endpoint("GET", "/v1/issuing/transactions/<id>", issuing_records.retrieve_transaction, issuing_records.RETRIEVE),
    Endpoint("POST", "/v1/issuing/transactions/<id>", issuing_records.update_transaction, issuing_records.UPDATE),
    Endpoint("POST", "/v1/issuing/disputes", disputes.create, disputes.CREATE),
    Endpoint("GET", "/v1/issuing/disputes", disputes.list_, disputes.LIST),
    Endpoint("GET", "/v1/issuing/disputes/<id>", disputes.retrieve, disputes.RETRIEVE),
    Endpoint("POST", "/v1/issuing/disputes/<id>/submit", disputes.submit, disputes.SUBMIT),
    Endpoint("POST", "/v1/test_helpers/issuing/disputes/<id>/win", disputes.win, disputes.DECIDE),
    Endpoint("POST", "/v1/test_helpers/issuing/disputes/<id>/lose", disputes.lose, disputes.DECIDE),
    Endpoint("GET", "/v1/disputes", charge_disputes.list_, charge_disputes.LIST),
    Endpoint("GET", "/v1/disputes/<id>", charge_disputes.retrieve, charge_disputes.RETRIEVE),
    Endpoint("POST", "/v1/disputes/<id>", charge_disputes.update, charge_disputes.UPDATE),
    Endpoint("POST", "/v1/disputes/<id>/close", charge_disputes.close, charge_disputes.DECIDE),
    Endpoint("POST", f"{_CHARGED}/<id>/dispute", charge_disputes.open_, charge_disputes.OPEN),
    Endpoint("POST", f"{_CHARGED}/<id>/warn_of_fraud", charge_disputes.warn, charge_disputes.WARN),
    Endpoint("POST", "/v1/test_helpers/disputes/<id>/win", charge_disputes.win, charge_disputes.DECIDE),
    Endpoint("POST", "/v1/test_helpers/disputes/<id>/lose", charge_disputes.lose, charge_disputes.DECIDE),
    Endpoint("POST", "/v1/test_helpers/disputes/<id>/escalate", charge_disputes.escalate, charge_disputes.DECIDE),
    Endpoint(
        "POST", "/v1/test_helpers/disputes/<id>/close_inquiry", charge_disputes.close_inquiry, charge_disputes.DECIDE
    ),
    Endpoint("POST", "/v1/webhook_endpoints", webhook_endpoints.create, webhook_endpoints.CREATE),
    Endpoint("GET", "/v1/webhook_endpoints", webhook_endpoints.list_, webhook_endpoints.LIST),
    Endpoint("GET", "/v1/webhook_endpoints/<id>", webhook_endpoints.retrieve, webhook_endpoints.RETRIEVE),
    Endpoint("POST", "/v1/webhook_endpoints/<id>", webhook_endpoints.update, webhook_endpoints.UPDATE),
    Endpoint("DELETE", "/v1/webhook_endpoints/<id>", webhook_endpoints.delete, webhook_endpoints.RETRIEVE),
    Endpoint("GET", "/v1/events", event_records.list_, event_records.LIST),
    Endpoint("GET", "/v1/events/<id>", event_records.retrieve, event_records.RETRIEVE),
    Endpoint("POST", "/v1/ephemeral_keys", ephemeral_keys.create, ephemeral_keys.CREATE),
    Endpoint("POST", _PURCHASES, purchases.create, purchase_specs.CREATE),
    Endpoint("POST", f"{_PURCHASES}/<id>/capture", settlement.capture, purchase_specs.CAPTURE),
    Endpoint("POST", f"{_PURCHASES}/<id>/increment", purchases.increment, purchase_specs.INCREMENT),
    Endpoint("POST", f"{_PURCHASES}/<id>/reverse", purchases.reverse, purchase_specs.REVERSE),
    Endpoint("POST", f"{_PURCHASES}/<id>/expire", purchases.expire, purchase_specs.EXPIRE),
    Endpoint("POST", f"{_PURCHASES}/<id>/finalize_amount", purchases.finalize_amount, purchase_specs.FINALIZE),
    Endpoint("POST", f"{_POSTINGS}/<id>/refund", settlement.refund, purchase_specs.REFUND),
    Endpoint("POST", f"{_POSTINGS}/create_force_capture", settlement.create_force_capture, purchase_specs.UNANNOUNCED),
    Endpoint(
        "POST", f"{_POSTINGS}/create_unlinked_refund", settlement.create_unlinked_refund, purchase_specs.UNANNOUNCED
    ),
)

_URLS = Map([Rule(row.path, methods=[row.method], endpoint=row) for row in ENDPOINTS], strict_slashes=False)
_MATCHER = _URLS.bind("sandbox")


def find_endpoint(method: str, path: str) -> tuple[Endpoint, str]:
    """Find the row and the id of an address; raises RefusedError with 404 for one that is unknown."""
    try:
        endpoint, values = _MATCHER.match(path, method=method)
    except HTTPException:
        message = f"Unrecognized request URL ({method}: {path})."
        raise RefusedError(message, status=404) from None
    return endpoint, values.get("id", "")
