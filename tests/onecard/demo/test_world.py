"""The demo world is the walkthrough's, loading it again changes nothing, and it takes nobody's ids."""

import io
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db.models import Model
from pytest_django import Settings

from audit.models import Entry
from issuing.models import VirtualCard
from onecard.demo.world import seed_demo_world
from onecard.users.models import User
from routing.models import RankingRow, Rulebook
from tests.support.factories import CardholderFactory, FundingMethodFactory, VirtualCardFactory
from tests.support.locks import held_elsewhere
from tests.support.threads import at_once
from wallet.models import Cardholder, CardProduct, FundingMethod

pytestmark = pytest.mark.django_db

TABLES = [User, Cardholder, CardProduct, FundingMethod, RankingRow, VirtualCard, Entry, Rulebook]
MCCS = "5812 5814 5411 5541 5912 4111 4121 4511 4722 5399 5815 7011 7512 7997"


def everything() -> list[list[dict[str, object]]]:
    return [list(table._default_manager.order_by("pk").values()) for table in TABLES]


def seed() -> str:
    out = io.StringIO()
    call_command("seed_demo", stdout=out)
    return out.getvalue()


def test_it_is_the_walkthroughs_world() -> None:
    seed()
    person = Cardholder.objects.get()
    assert (person.name, person.user.username, person.kyc_status, person.preference, person.processor_customer_id) == (
        "Demo User",
        "demo",
        "verified",
        "cash",
        "cus_T3CgWDrN0e0AMe",
    )
    methods = FundingMethod.objects.order_by("position")
    fields = ["position", "name", "network", "last_four", "processor_method_id", "is_backup", "status", "product__key"]
    assert list(methods.values_list(*fields)) == [
        (
            1,
            "Chase Sapphire Reserve",
            "visa",
            "4242",
            "pm_1SG9flQLFtcEJSwHFoqxTXqT",
            False,
            "active",
            "chase-sapphire-reserve",
        ),
        (2, "American Express Gold Card", "amex", "8431", "pm_1SG9gFQLFtcEJSwHx3K1Ak03", False, "active", "amex-gold"),
        (
            3,
            "Citi Double Cash Card",
            "mastercard",
            "4444",
            "pm_1SG9fyQLFtcEJSwHCV4rm2SC",
            True,
            "active",
            "citi-double-cash",
        ),
        (
            4,
            "Discover it Cash Back",
            "discover",
            "1117",
            "pm_1SG9gRQLFtcEJSwHXKtuCu0T",
            False,
            "active",
            "discover-it-cash-back",
        ),
    ]
    card = VirtualCard.objects.get()
    assert (card.cardholder, card.issuer_provider, card.issuer_card_id) == (
        person,
        "stripe",
        "ic_1S769SQLFtcEJSwHLTAnsvQe",
    )
    assert (card.card_type, card.last_four, card.status, card.currency) == ("visa", "0005", "active", "USD")
    assert card.daily_limit_minor == 50000


def test_its_rows_pass_their_own_validation() -> None:
    seed()
    for table in (CardProduct, FundingMethod, RankingRow, VirtualCard, Cardholder):
        rows = list(table.objects.all())
        assert rows
        assert not {str(row): problems for row in rows if (problems := problems_of(row))}


def problems_of(row: Model) -> str:
    """What the row's own validation says, or nothing."""
    try:
        row.full_clean()
    except ValidationError as error:
        return str(error)
    return ""


def test_restaurants_are_ranked_as_in_the_walkthrough() -> None:
    seed()
    rows = RankingRow.objects.filter(mcc="5812").order_by("id")
    fields = ["network", "card_name", "reward_rate", "reward_type", "annual_fee_minor", "scope"]
    assert list(rows.values_list(*fields)) == [
        ("amex", "American Express® Gold Card", Decimal(4), "points", 25000, "network"),
        ("mastercard", "Capital One SavorOne Cash Rewards Credit Card", Decimal(3), "points", 0, "network"),
        ("visa", "The New Chase Sapphire Reserve® Credit Card", Decimal(1), "points", 55000, "network"),
        ("discover", "Discover it® Cash Back", Decimal(1), "default", 0, "network"),
    ]


def test_every_promised_mcc_ranks_all_four_networks() -> None:
    seed()
    for mcc in MCCS.split():
        networks = RankingRow.objects.filter(mcc=mcc).values_list("network", flat=True)
        assert sorted(networks) == ["amex", "discover", "mastercard", "visa"]


def test_a_second_run_changes_nothing_and_says_so() -> None:
    first = seed()
    before = everything()
    second = seed()
    assert everything() == before
    assert "The demo world was there already; nothing was changed." in second
    assert "The demo world was there already" not in first
    assert "funding methods     4 created    0 unchanged" in first
    assert "funding methods     0 created    4 unchanged" in second


def test_what_staff_edited_stays() -> None:
    seed()
    Cardholder.objects.update(preference="rewards", name="Somebody Else", processor_customer_id="cus_Other")
    FundingMethod.objects.update(is_backup=False)
    FundingMethod.objects.filter(last_four="4242").update(is_backup=True, position=9, status="disabled")
    VirtualCard.objects.update(per_transaction_limit_minor=1, status="frozen")
    RankingRow.objects.filter(network="amex").update(reward_rate=7)
    CardProduct.objects.update(annual_fee_minor=12300)
    User.objects.update(email="other@example.com")
    before = everything()
    seed()
    assert everything() == before


def test_what_was_removed_comes_back_beside_the_edits() -> None:
    seed()
    FundingMethod.objects.filter(last_four="4444").delete()
    FundingMethod.objects.filter(last_four="4242").update(is_backup=True)
    RankingRow.objects.filter(mcc="5411").delete()
    out = seed()
    assert "funding methods     1 created    3 unchanged" in out
    assert "rankings            4 created   52 unchanged" in out
    backups = FundingMethod.objects.filter(is_backup=True).values_list("last_four", flat=True)
    assert list(backups) == ["4242"], "the backup that staff chose stays the only one"


def test_without_debug_nobody_gets_a_password() -> None:
    out = seed()
    assert "No superuser was made and the login demo has no password: that is only done with DEBUG." in out
    assert not User.objects.filter(is_superuser=True).exists()
    assert not User.objects.get(username="demo").has_usable_password()


def test_with_debug_there_is_a_superuser_and_a_demo_password(settings: Settings) -> None:
    settings.DEBUG = True
    out = seed()
    assert "No superuser" not in out
    admin, demo = User.objects.get(username="admin"), User.objects.get(username="demo")
    assert (admin.is_superuser, admin.is_staff, admin.check_password("admin")) == (True, True, True)
    assert (demo.is_superuser, demo.is_staff, demo.check_password("demo")) == (False, False, True)
    before = everything()
    seed()
    assert everything() == before


def test_it_takes_nobodys_ids() -> None:
    stranger = CardholderFactory(name="Stranger")
    makers = {
        "pm_1SG9fyQLFtcEJSwHCV4rm2SC": lambda pm: FundingMethodFactory(cardholder=stranger, processor_method_id=pm),
        "ic_1S769SQLFtcEJSwHLTAnsvQe": lambda ic: VirtualCardFactory(cardholder=stranger, issuer_card_id=ic),
        "cus_T3CgWDrN0e0AMe": lambda cus: CardholderFactory(name="Stranger", processor_customer_id=cus),
    }
    for identifier, make in makers.items():
        row = make(identifier)
        before = everything()
        with pytest.raises(CommandError, match=f"{identifier} belongs to the wallet of Stranger .* already.*Nothing"):
            seed()
        assert everything() == before
        row.delete()
    seed()


def test_a_run_that_does_not_end_is_not_waited_for() -> None:
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('onecard.demo.world', 0))"
    with held_elsewhere(lock), pytest.raises(CommandError, match="Another run is loading the demo world; try again"):
        seed()
    assert not User.objects.exists()


def test_the_issuer_in_use_is_of_no_matter(settings: Settings) -> None:
    settings.ISSUER_PROVIDER = "mock"
    seed()
    assert VirtualCard.objects.get().issuer_provider == "stripe"


def test_the_trail_tells_of_it_once() -> None:
    seed()
    seed()
    entries = Entry.objects.order_by("id").values_list("actor", "action")
    joining = ["profile_made", "terms_accepted", "identity_moved", "identity_moved"]
    actions = [*(f"cardholder.{what}" for what in joining), "rankings.imported", "demo.seeded"]
    assert list(entries) == [("system:seed_demo", action) for action in actions]


def test_all_card_products_are_there() -> None:
    seed()
    assert CardProduct.objects.count() == 40
    gold = CardProduct.objects.get(key="amex-gold")
    assert (gold.network, gold.issuer, gold.annual_fee_minor) == ("amex", "American Express", 32500)


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_make_one_world() -> None:
    first, second = at_once([seed_demo_world, seed_demo_world])
    total = [(kind.what, kind.created, kind.unchanged) for kind in first]
    again = [(kind.what, kind.created, kind.unchanged) for kind in second]
    assert [name for name, _, _ in total] == [name for name, _, _ in again]
    for (_, created, there), (_, created_again, there_again) in zip(total, again, strict=True):
        assert 0 in (created, created_again)
        assert created + there == created_again + there_again == created + created_again
    assert FundingMethod.objects.count() == 4
    assert RankingRow.objects.count() == 56
