"""`manage.py check_ledger`: every balance recomputed from its postings, and held against what the rows say.

Exit status: 0 when the books are right, 1 when they are not, with each problem in a sentence.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from issuing.reconcile import ledger_balances
from onecard.kit.money import Money, MoneyError
from wallet.accounts import Account
from wallet.ledger import balances
from wallet.ledger import check as ledger_check


class Command(BaseCommand):
    help = "Recomputes the ledger's balances from its postings. Exit status: 0 right, 1 wrong."

    def handle(self, **_options: Any) -> None:
        for balance in balances.moved():
            self.stdout.write(f"{_name(balance.account):<24}{_money(balance):>24}")
        problems = [*ledger_check.check(), *ledger_balances.check()]
        for problem in problems:
            self.stdout.write(problem.said)
        if problems:
            raise CommandError(f"{len(problems)} problems; the books are not right.")
        self.stdout.write("The books are right.")


def _name(account: str) -> str:
    return str(Account(account).label) if account in Account.values else account


def _money(balance: balances.Balance) -> str:
    try:
        return str(Money(balance.minor, balance.currency))
    except MoneyError:
        return f"{balance.minor} {balance.currency}"
