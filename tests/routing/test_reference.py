"""The rows that the rules cannot do without are there after migrate, and belong to the staff from then on."""

from decimal import Decimal

import pytest
from django.core.management import call_command

from routing.models import MerchantCategory, PreferenceMultiplier, Rulebook, Threshold

pytestmark = pytest.mark.django_db


def test_reference_rows_exist_after_migrate() -> None:
    numbers = {(m.preference, m.reward_class): m.multiplier for m in PreferenceMultiplier.objects.all()}
    assert numbers == {
        ("cash", "cash"): Decimal("1.0"),
        ("cash", "other"): Decimal("0.5"),
        ("rewards", "cash"): Decimal("1.0"),
        ("rewards", "other"): Decimal("1.3"),
    }
    values = dict(Threshold.objects.values_list("name", "value"))
    assert values == {"tie_within": Decimal("0.01"), "significantly_better": Decimal("1.5")}
    assert Rulebook.objects.count() == 1
    assert MerchantCategory.objects.count() == 294
    assert MerchantCategory.objects.get(code="5812").stripe_category == "eating_places_restaurants"


def test_edits_survive_another_migrate() -> None:
    PreferenceMultiplier.objects.filter(preference="cash", reward_class="other").update(multiplier="0.8")
    Threshold.objects.filter(name="tie_within").update(value="0.05")
    MerchantCategory.objects.filter(code="5812").update(description="Restaurants")
    version = Rulebook.objects.get().version
    call_command("migrate", verbosity=0)
    assert PreferenceMultiplier.objects.get(preference="cash", reward_class="other").multiplier == Decimal("0.8")
    assert Threshold.objects.get(name="tie_within").value == Decimal("0.05")
    assert MerchantCategory.objects.get(code="5812").description == "Restaurants"
    assert Rulebook.objects.get().version == version


def test_deleted_reference_rows_return_with_the_next_migrate() -> None:
    Threshold.objects.filter(name="significantly_better").delete()
    MerchantCategory.objects.filter(code="5411").delete()
    call_command("migrate", verbosity=0)
    assert Threshold.objects.get(name="significantly_better").value == Decimal("1.5")
    assert MerchantCategory.objects.filter(code="5411").exists()
