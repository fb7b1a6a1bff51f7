"""The cards of the benchmark: each with a wallet of four funding cards and limits that no run reaches."""

from decimal import Decimal
from typing import Final

from django.db import connection

from issuing.models import VirtualCard
from onecard.kit.money import MAX_AMOUNT_MINOR
from onecard.users.models import User
from routing.models import RankingRow
from wallet.models import Cardholder, FundingMethod, Network

MCC: Final = "5812"
RATES: Final = {Network.AMEX: 4, Network.MASTERCARD: 3, Network.VISA: 1, Network.DISCOVER: 1}


def make_cards(count: int) -> None:
    """Makes cards whose issuer's ids are ic_bench_0, ic_bench_1 and so on."""
    RankingRow.objects.bulk_create(
        RankingRow(mcc=MCC, scope="network", network=network, reward_rate=Decimal(rate), reward_type="points")
        for network, rate in RATES.items()
    )
    users = User.objects.bulk_create([User(username=f"bench-{number}") for number in range(count)], 1000)
    holders = Cardholder.objects.bulk_create([new_holder(number, user) for number, user in enumerate(users)], 1000)
    FundingMethod.objects.bulk_create(
        [method for number, holder in enumerate(holders) for method in _wallet(number, holder)], 1000
    )
    VirtualCard.objects.bulk_create([new_card(number, holder) for number, holder in enumerate(holders)], 1000)
    with connection.cursor() as cursor:
        # By name: of all tables some belong to the whole server, and another measurement may hold them.
        for model in (User, Cardholder, FundingMethod, VirtualCard, RankingRow):
            cursor.execute(f"ANALYZE {model._meta.db_table}")


def new_holder(number: int, user: User) -> Cardholder:
    customer = f"cus_bench_{number}"
    return Cardholder(user=user, name=f"Bench {number}", kyc_status="verified", processor_customer_id=customer)


def _wallet(number: int, holder: Cardholder) -> list[FundingMethod]:
    return [
        FundingMethod(
            cardholder=holder,
            name=str(network.label),
            network=network,
            last_four="0000",
            expiry_month=12,
            expiry_year=2090,
            processor_method_id=f"pm_bench_{number}_{position}",
            position=position,
            is_backup=position == 1,
        )
        for position, network in enumerate(RATES)
    ]


def new_card(number: int, holder: Cardholder) -> VirtualCard:
    return VirtualCard(
        cardholder=holder,
        card_type="visa",
        issuer_provider="stripe",
        issuer_card_id=f"ic_bench_{number}",
        last_four="0000",
        expiry_month=12,
        expiry_year=2090,
        status="active",
        daily_limit_minor=MAX_AMOUNT_MINOR,
        monthly_limit_minor=MAX_AMOUNT_MINOR,
        per_transaction_limit_minor=MAX_AMOUNT_MINOR,
    )
