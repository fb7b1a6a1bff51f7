"""What people and staff ask of the statements of funding cards, and of a rule that is tried on stored purchases."""

from collections.abc import Iterator
from functools import partial

from django.test import Client
from django.urls import reverse

from issuing.backtest import rule_trial
from issuing.models import CardStatement
from issuing.statements import corrections, importing, report, unmatched
from onecard.kit import clock
from tests.query_plans.operations import Operation
from tests.support.back_office import logged_in, superuser
from wallet.models import Cardholder, FundingMethod


def about_statements() -> Iterator[tuple[str, Operation]]:
    """An import, the report of a card with the reasons of its lines, and its page and address."""
    card = FundingMethod.objects.get(pk=18)
    statement = CardStatement.objects.get(method=card)
    today = clock.now().date()
    content = f"date,amount,reward\n{today},45.00,135\n{today},9.99,10\n".encode()
    yield "import of a statement", partial(importing.import_statement, method=card, content=content, actor="user:18")
    yield "report of a statement", lambda: unmatched.explain(corrections.report_of(statement))
    yield (
        "report of a card without lines",
        lambda: report.build(method=card, currency="USD", first_on=today, last_on=today),
    )
    yield (
        "page of a statement's report",
        partial(_opened, logged_in(superuser()), reverse("admin:issuing_cardstatement_report", args=[statement.pk])),
    )
    person = logged_in(card.cardholder.user)
    yield "API statements", partial(_opened, person, reverse("funding-card-statements", args=[card.public_id]))


def about_rules() -> Iterator[tuple[str, Operation]]:
    """A personal rule tried on the purchases of the last days."""
    holder = Cardholder.objects.get(pk=18)
    values = {"action": "never_this_card", "method": holder.funding_methods.earliest("pk")}
    yield "trial of a rule", partial(rule_trial.try_rule, holder, values=values, days=90)


def _opened(client: Client, url: str) -> None:
    assert client.get(url).status_code == 200, url
