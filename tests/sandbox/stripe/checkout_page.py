"""The hosted page behind a Checkout session, as a person sees it: the documented test cards instead of a form."""

import html
from urllib.parse import parse_qs

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe import checkout
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.wire import Answer, Call

PREFIX = "/checkout/pay/"
_CARDS = {
    "visa": "Visa 4242",
    "mastercard": "Mastercard 4444",
    "amex": "American Express 0005",
    "discover": "Discover 1117",
    "visa_debit": "Visa debit 5556",
    "mastercard_prepaid": "Mastercard prepaid 5100",
}


def answer_page(sandbox: Sandbox, call: Call) -> Answer:
    """Show the page, or save the chosen card and lead back."""
    session_id = call.path.removeprefix(PREFIX)
    session = sandbox.state.objects["checkout.session"].get(session_id)
    if session is None or session["status"] != "open":
        return _page(404, "<p>This page was used, or there is none at this address.</p>")
    if call.method != "POST":
        return _page(200, _form())
    card = parse_qs(call.body).get("card", [""])[0]
    try:
        checkout.complete(sandbox, Command({"payment_method": f"pm_card_{card}"}, session_id, "", None))
    except ApiError as error:
        return _page(400, f"<p>{html.escape(error.error['message'])}</p>{_form()}")
    return Answer(303, b"", {"Location": session["success_url"]})


def _form() -> str:
    options = "".join(f'<option value="{name}">{words}</option>' for name, words in _CARDS.items())
    label = f'<label>Test card <select name="card">{options}</select></label>'
    return f'<form method="post"><p>{label}</p><button type="submit">Save card</button></form>'


def _page(status: int, content: str) -> Answer:
    start = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Save a card</title><h1>Sandbox: save a card</h1>'
    )
    return Answer(status, f"{start}{content}".encode(), {"Content-Type": "text/html; charset=utf-8"})
