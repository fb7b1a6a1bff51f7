"""Every button's page that moves money, shows card data or gives power takes a fresh code: none can be forgotten."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib import admin

from audit.edits import AuditedAdmin
from wallet.admin.case_actions import ACTIONS

pytestmark = pytest.mark.only_in_proofs

ROOT = Path(__file__).resolve().parents[3]
APPS = ("onecard", "issuing", "routing", "wallet", "audit")
FLAG = "needs_fresh_code"
GUARDED = {
    "issuing/admin/controls/buttons.py: leave_out": "a control does nothing to somebody any more",
    "issuing/admin/controls/buttons.py: publish": "purchases are declined or let through",
    "issuing/admin/controls/buttons.py: switch_off": "purchases are let through",
    "issuing/admin/currency_conversion.py: _confirmation": "the cardholder is charged or given back accordingly",
    "issuing/admin/dispute_evidence.py: _confirmation": "a person's own document, which may show their card",
    "issuing/admin/dispute_request_actions.py: _submit_confirmation": "money is taken back from the merchant",
    "issuing/admin/limits.py: change_limits": "more can be spent",
    "issuing/admin/match_correction.py: _confirmation": "two purchases are charged or given back anew",
    "issuing/admin/purchase_buttons.py: _refund_confirmation": "money goes back at our own cost",
    "issuing/admin/refund_matching.py: _joining": "what the cardholder pays follows",
    "issuing/admin/refund_matching.py: _keeping_apart": "it is booked, and cannot be taken back",
    "issuing/admin/reveal.py: reveal_page": "a card's number is shown",
    "issuing/admin/top_up.py: _confirmation": "a card is charged",
    "onecard/second_factor/person_buttons.py: colleague": "somebody gets a role",
    "onecard/second_factor/person_buttons.py: invite": "somebody gets a role and a new password",
    "onecard/second_factor/person_buttons.py: remove": "a login loses its second factor",
    "routing/admin/drafts.py: publish": "decides which card pays",
    "wallet/admin/cases.py: _ask_or_do": "as each CaseAction says: see FREE_CASE_ACTIONS",
    "wallet/admin/processor_accounts.py: add_account": "what issuers see decides which card pays",
    "wallet/admin/processor_accounts.py: set_fee": "decides which card pays",
    "wallet/admin/processor_accounts.py: switch": "what issuers see decides which card pays",
    "wallet/admin/own_money.py: _confirmation": "the books say that our own money moved",
    "wallet/admin/entered_amounts.py: agree": "an amount is carried out on a second person's word",
}
FREE = {
    "issuing/admin/card_actions.py: _change_flag": "stops purchases, or lets them go on",
    "issuing/admin/card_actions.py: press_button": "activate, freeze, unfreeze, close",
    "issuing/admin/changes.py: _confirmation": "asks the issuer once more for what was decided before",
    "issuing/admin/controls/buttons.py: new_control": "a draft",
    "issuing/admin/controls/buttons.py: preview": "judges what was decided before, and changes nothing",
    "issuing/admin/controls/buttons.py: to_shadow": "counts, and declines nothing",
    "issuing/admin/controls/buttons.py: write": "a draft",
    "issuing/admin/dispute_forms.py: dispute_confirmation": "writes down what is asked; submitting is guarded",
    "issuing/admin/dispute_request_actions.py: _evidence_confirmation": "adds a file",
    "issuing/admin/dispute_request_actions.py: _refuse_confirmation": "nothing is submitted",
    "issuing/admin/issuers.py: switch": "read-only, fallback and breaker of an issuer",
    "issuing/admin/new_card.py: _confirmation": "a card under its ceilings, which spends its holder's own cards",
    "issuing/admin/reconciliations.py: _confirmation": "compares, and changes nothing",
    "issuing/admin/replace.py: replace_card": "the same card under another number",
    "issuing/admin/send_again.py: _confirmation": "applies what the issuer said, once",
    "issuing/admin/silent_disputes.py: _confirmation": "moves no money",
    "issuing/admin/statements.py: _ask_for_file": "what a card's issuer posted, beside what was expected",
    "issuing/admin/statements.py: draft_corrections": "a draft",
    "issuing/admin/statements.py: import_file": "asks whose card it is",
    "issuing/admin/sync.py: _confirmation": "reads what the issuer says",
    "onecard/alerts/admin.py: acknowledge_page": "says who works on an incident",
    "onecard/desk/health/check_now.py: _confirmation": "reads what the issuer says",
    "onecard/desk/person_buttons.py: end_cooling": "a card may be chosen again",
    "onecard/desk/person_buttons.py: note": "writes a note",
    "onecard/integrations/admin_buttons.py: replay_since": "sends notices again",
    "onecard/integrations/admin_buttons.py: send_again": "sends a notice again",
    "onecard/integrations/admin_buttons.py: switch_off": "sends no notices",
    "onecard/integrations/admin_buttons.py: switch_on": "sends notices again",
    "routing/admin/drafts.py: add_ranking": "a draft, which holds once it is published",
    "routing/admin/drafts.py: compare_anew": "a draft",
    "routing/admin/drafts.py: discard": "a draft",
    "routing/admin/drafts.py: edit_change": "a draft",
    "routing/admin/drafts.py: go_back": "a draft",
    "routing/admin/drafts.py: new_draft": "a draft",
    "routing/admin/drafts.py: preview": "a draft",
    "routing/admin/drafts.py: take_out": "a draft",
    "routing/admin/catalogue_editing.py: _ask": "a draft",
    "routing/admin/catalogue_editing.py: import_file": "a draft",
    "routing/admin/catalogue_editing.py: take_out": "a draft",
    "routing/admin/personal_rules.py: new_rule": "a person's own rule of routing",
    "routing/admin/personal_rules.py: change_rule": "a person's own rule of routing",
    "routing/admin/personal_rules.py: remove_rule": "a person's own rule of routing",
    "routing/admin/personal_rules.py: ask_for_rule": "a person's own rule of routing",
    "routing/admin/rankings.py: change_in_draft": "a draft",
    "routing/admin/rankings.py: new_ranking": "a draft",
    "routing/admin/rankings.py: remove_in_draft": "a draft",
    "wallet/admin/add_card.py: add_card": "a page at the processor, which the person fills in",
    "wallet/admin/case_by_hand.py: _confirmation": "opens a case",
    "wallet/admin/entered_amounts.py: withdraw": "what was proposed does not happen",
    "wallet/admin/identity.py: _decide": "says who a person is",
    "wallet/admin/identity_buttons.py: _ask": "stops purchases, or lets them go on",
    "wallet/admin/identity_buttons.py: submit_identity": "a check waits for somebody",
    "wallet/admin/new_person.py: _confirmation": "makes a person without a card",
}
# Django's own forms, by the model that they edit.
GUARDED_FORMS = {
    "users.user": "says what somebody may do, and who they are",
    "auth.group": "says what all its members may do",
    "routing.preferencemultiplier": "decides which card pays",
    "routing.threshold": "decides which card pays",
}
FREE_FORMS = {
    "issuing.rollout": "switches features for a share of all people",
    "issuing.virtualcard": "whether the card's balance pays first",
    "routing.merchantcategory": "the name of a code",
    "wallet.cardholder": "a person's address and their cards' order",
    "wallet.cardproduct": "the name of a product",
}
FREE_CASE_ACTIONS = {
    "withdraw": "what was proposed does not happen",
    "resolve": "closes the case with a sentence; a case with money left to book cannot be resolved",
    "end-cooling": "a card may be chosen again",
    "unfreeze": "a card may be used again",
    "note": "writes a note",
    "take": "says whose case it is",
    "give-up": "says that it is nobody's",
    "was-fraud": "says what a suspicion turned out to be; the card stays as it is",
    "was-no-fraud": "says what a suspicion turned out to be",
}
ADVICE = (
    "%s: does it move money, show card data or give somebody power? Then give its Confirmation needs_fresh_code=True "
    "and name it in GUARDED; otherwise name it in FREE, with the reason."
)


def pages_of(source: str) -> Iterator[tuple[str, bool]]:
    """Yields the name of each function that makes a Confirmation, and whether that one takes a fresh code."""
    tree = ast.parse(source)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Confirmation":
                    flags = [each.value for each in call.keywords if each.arg == FLAG]
                    yield (
                        function.name,
                        bool(flags) and not (isinstance(flags[0], ast.Constant) and flags[0].value is not True),
                    )


def found() -> dict[str, set[bool]]:
    pages: dict[str, set[bool]] = {}
    for path in (path for app in APPS for path in (ROOT / app).rglob("*.py")):
        if path.name == "confirmation_pages.py":
            continue
        for name, is_guarded in pages_of(path.read_text("utf-8")):
            pages.setdefault(f"{path.relative_to(ROOT)}: {name}", set()).add(is_guarded)
    return pages


def test_every_page_is_known_and_those_about_money_take_a_fresh_code() -> None:
    pages = found()
    unknown = set(pages) - set(GUARDED) - set(FREE)
    assert not unknown, ADVICE % ", ".join(sorted(unknown))
    assert {page for page, flags in pages.items() if flags == {True}} == set(GUARDED)
    assert {page for page, flags in pages.items() if flags == {False}} == set(FREE)


def test_every_button_of_a_case_that_moves_money_says_so() -> None:
    free = {name for name, action in ACTIONS.items() if not action.moves_money}
    assert free == set(FREE_CASE_ACTIONS)
    assert {"refund", "charge-again", "charge-chosen", "ask-write-off", "agree"} <= set(ACTIONS) - free


def test_every_form_is_known_and_those_about_power_take_a_fresh_code() -> None:
    forms = {
        model._meta.label_lower: page.needs_fresh_code
        for model, page in admin.site._registry.items()
        if isinstance(page, AuditedAdmin)
    }
    assert set(forms) == {*GUARDED_FORMS, *FREE_FORMS}, ADVICE % "A form"
    assert {name for name, is_guarded in forms.items() if is_guarded} == set(GUARDED_FORMS)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", False),
        (", needs_fresh_code=False", False),
        (", needs_fresh_code=True", True),
        (", needs_fresh_code=action.moves_money", True),
    ],
)
def test_a_page_without_the_flag_is_seen(arguments: str, expected: bool) -> None:
    source = f"def pay(request):\n    return ask_or_do(request, Confirmation(title='Pay'{arguments}), form, call)"
    assert list(pages_of(source)) == [("pay", expected)]
