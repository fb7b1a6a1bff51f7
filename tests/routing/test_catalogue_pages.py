"""The pages of the reward catalogue and of personal rules: shown, changed into a draft, imported, exported."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from routing import personal_rules
from routing.catalogue import drafting, rows
from routing.catalogue.entries import entries_of
from routing.models import (
    CatalogueChange,
    MerchantList,
    PersonalRule,
    RankingDraft,
    RankingRow,
    RewardBonus,
    RewardCategory,
    RewardProgramme,
    RewardTerms,
)
from routing.value.catalogue_file import SHIPPED
from tests.support.back_office import logged_in, superuser
from tests.support.factories import FundingMethodFactory, RankingRowFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    drafting.publish_file(SHIPPED, command="test")
    return logged_in(superuser())


def page(client: Client, row: object, what: str = "change") -> str:
    name = f"admin:routing_{type(row).__name__.lower()}_{what}"
    answer = client.get(reverse(name, args=[row.pk]))  # type: ignore[attr-defined]
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("model", [RewardTerms, RewardBonus, RewardProgramme, RewardCategory, MerchantList])
def test_lists_and_pages_show_the_catalogue(client: Client, model: type) -> None:
    listed = client.get(reverse(f"admin:routing_{model.__name__.lower()}_changelist"))
    assert listed.status_code == 200
    row = model.objects.order_by("pk").first()  # type: ignore[attr-defined]
    assert str(getattr(row, "key", getattr(row, "tag", ""))) in page(client, row)


def test_stale_terms_are_marked_and_found(client: Client) -> None:
    path = reverse("admin:routing_rewardterms_changelist")
    assert client.get(f"{path}?stale=no").context["cl"].result_count == 0
    assert client.get(f"{path}?stale=yes").context["cl"].result_count >= 40
    RewardTerms.objects.update(verified_at="2999-01-01")
    assert client.get(f"{path}?stale=yes").context["cl"].result_count == 0


def test_which_of_ranking_and_terms_counts_stands_on_both_pages(client: Client) -> None:
    terms = RewardTerms.objects.get(product__key="amex-gold")
    row = RankingRowFactory(product=terms.product, network="", reward_rate=9)
    assert "beats the product&#x27;s reward terms" in page(client, row)
    assert reverse("admin:routing_rankingrow_change", args=[row.pk]) in page(client, terms)
    of_network = RankingRow.objects.create(mcc="5812", scope="network", network="visa", reward_rate=1)
    assert "only for cards whose product has no reward terms" in page(client, of_network)


def test_a_changed_text_goes_into_a_draft(client: Client) -> None:
    terms = RewardTerms.objects.get(product__key="amex-gold")
    url = reverse("admin:routing_rewardterms_edit_entry", args=[terms.pk])
    assert "dining" in client.get(url).content.decode()
    entry = entries_of(rows.read())["products", "amex-gold"] | {"base_rate": "1.5"}
    refused = client.post(url, {"draft": "new", "text": json.dumps(entry | {"programme": "nowhere"})})
    assert "there is no programme" in refused.content.decode()
    assert "This is no JSON" in client.post(url, {"draft": "new", "text": "{"}).content.decode()
    assert not RankingDraft.objects.filter(status="draft").exists()

    client.post(url, {"draft": "new", "text": json.dumps(entry)})

    change = CatalogueChange.objects.get(draft__status="draft")
    assert "base_rate: 1 becomes 1.5" in page(client, change.draft)
    assert rows.read().products["amex-gold"].base_rate == 1
    out = reverse("admin:routing_rankingdraft_take_out_entry", args=[change.draft_id, change.pk])
    assert client.get(out).status_code == 200
    client.post(out)
    assert not CatalogueChange.objects.filter(draft__status="draft").exists()


def test_a_file_is_exported_and_imported_into_a_draft(client: Client) -> None:
    exported = client.get(reverse("admin:routing_rewardterms_export_json"))
    assert exported["Content-Type"] == "application/json"
    text = exported.content.decode().replace('"annual_fee_minor": 32500', '"annual_fee_minor": 35000')
    url = reverse("admin:routing_rewardterms_import_file")
    bad = client.post(url, {"file": SimpleUploadedFile("bad.json", b"{")})
    assert "is no JSON" in bad.content.decode()
    client.post(url, {"file": SimpleUploadedFile("terms.json", text.encode())})
    change = CatalogueChange.objects.get(draft__status="draft")
    assert (change.key, change.entry["annual_fee_minor"]) == ("amex-gold", 35000)


def test_staff_write_personal_rules_for_a_person(client: Client) -> None:
    method = FundingMethodFactory()
    listed = reverse("admin:routing_personalrule_changelist")
    assert "Nobody has rules yet" in client.get(listed).content.decode()
    new = reverse("admin:routing_personalrule_new_rule")
    assert "Nobody with a wallet" in client.post(new, {"login": "nobody"}).content.decode()
    to_form = client.post(new, {"login": method.cardholder.user.username})
    typed = {"position": 1, "action": "use_this_card", "method": method.pk, "merchants": "Costco, Sam's"}
    client.post(to_form.url, typed)
    rule = PersonalRule.objects.get()
    assert (rule.cardholder, rule.merchants) == (method.cardholder, ["Costco", "Sam's"])
    other = personal_rules.add(method.cardholder, actor="user:1", action="never_this_card", method=method)
    shown = page(client, rule)
    assert reverse("admin:routing_personalrule_change", args=[other.pk]) in shown
    client.post(reverse("admin:routing_personalrule_change_rule", args=[rule.pk]), typed | {"abroad": "yes"})
    rule.refresh_from_db()
    assert rule.is_foreign is True
    client.post(reverse("admin:routing_personalrule_remove_rule", args=[rule.pk]))
    assert [each.pk for each in PersonalRule.objects.all()] == [other.pk]
