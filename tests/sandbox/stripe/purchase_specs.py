"""The parameters of the test helpers that play the network."""

from tests.sandbox.stripe.specs import Field, Spec, anything, group, required, text, whole, words, yes_or_no

METHODS_IN_PERSON = ("chip", "contactless", "swipe")
_CHECK = words("match", "mismatch", "not_provided")

_MERCHANT = group(
    **dict.fromkeys(
        ("category", "city", "country", "name", "network_id", "postal_code", "state", "terminal_id", "url"), text()
    )
)
_TAKEN_NOTE_OF: dict[str, Field] = dict.fromkeys(
    ("risk_assessment", "fraud_disputability_likelihood", "fleet", "fuel"), anything()
)

CREATE: Spec = {
    "card": required(text()),
    "amount": whole(least=0),
    "merchant_amount": whole(least=0),
    "merchant_currency": text(),
    "currency": text(),
    "amount_details": group(atm_fee=whole(least=0), cashback_amount=whole(least=0)),
    "authorization_method": words(*METHODS_IN_PERSON, "keyed_in", "online"),
    "is_amount_controllable": yes_or_no(),
    "merchant_data": _MERCHANT,
    "verification_data": group(
        address_line1_check=_CHECK,
        address_postal_code_check=_CHECK,
        cvc_check=_CHECK,
        expiry_check=_CHECK,
        authentication_exemption=group(claimed_by=words("acquirer", "issuer"), type=text()),
        three_d_secure=group(result=text()),
    ),
    "network_data": group(acquiring_institution_id=text()),
    "wallet": words("apple_pay", "google_pay", "samsung_pay"),
    **_TAKEN_NOTE_OF,
}
INCREMENT: Spec = {"increment_amount": required(whole(least=1)), "is_amount_controllable": yes_or_no()}
REVERSE: Spec = {"reverse_amount": whole(least=1)}
EXPIRE: Spec = {}
FINALIZE: Spec = {"final_amount": required(whole(least=0)), "fleet": anything(), "fuel": anything()}
CAPTURE: Spec = {
    "capture_amount": whole(least=1),
    "close_authorization": yes_or_no(),
    "purchase_details": anything(),
}
REFUND: Spec = {"refund_amount": whole(least=1)}
UNANNOUNCED: Spec = {
    "card": required(text()),
    "amount": required(whole(least=1)),
    "currency": text(),
    "merchant_data": _MERCHANT,
    "purchase_details": anything(),
}
