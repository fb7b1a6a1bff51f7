"""The reward catalogue in rows: loaded from its file, changed by drafts that a second person publishes, written out."""

import copy
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from routing import rulebook
from routing.catalogue import drafting, rows
from routing.catalogue.entries import CatalogueError, Entry, entries_of
from routing.catalogue.files import read_entries, write_file
from routing.models import Kind, RankingDraft, RewardBonus, RewardProgramme, RewardTerms
from routing.rankings import drafts, publishing
from routing.rankings.drafts import DraftRefusedError
from routing.value.catalogue_file import SHIPPED, shipped_catalogue
from tests.routing.rankings.drafting import publish
from tests.support.back_office import superuser

pytestmark = pytest.mark.django_db
GOLD = (str(Kind.PRODUCT), "amex-gold")


@pytest.fixture
def _shipped() -> None:
    drafting.publish_file(SHIPPED, command="test")


def changed(**values: Any) -> Entry:
    return copy.deepcopy(entries_of(rows.read())[GOLD]) | values


def published(draft: RankingDraft) -> RankingDraft:
    return publish(draft)


@pytest.mark.usefixtures("_shipped")
def test_rows_say_all_that_the_file_says() -> None:
    shipped, stored = shipped_catalogue(), rows.read()
    assert entries_of(stored) == entries_of(shipped)
    assert len(stored.products) >= 40
    gold = RewardTerms.objects.get(product__key="amex-gold")
    assert stored.products["amex-gold"].source.row_id == gold.pk
    assert stored.products["amex-gold"].annual_fee_minor == gold.product.annual_fee_minor == 32500


@pytest.mark.usefixtures("_shipped")
def test_an_export_is_imported_again_without_a_change(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    call_command("export_catalogue", file)
    version = rulebook.current_version()
    assert drafting.publish_file(file, command="test") == (0, 0)
    assert rulebook.current_version() == version


@pytest.mark.usefixtures("_shipped")
def test_terms_change_when_a_second_person_publishes() -> None:
    author, before = superuser(), rulebook.current_version()
    versions = {each.key: each.version for each in RewardBonus.objects.filter(terms__product__key="amex-gold")}
    draft = drafts.begin(title="Gold pays five", user=author)
    entry = changed(annual_fee_minor=40000)
    entry["bonuses"][0]["rate"] = "5"
    drafting.put(draft=draft, kind=Kind.PRODUCT, key="amex-gold", entry=entry, user=author)
    assert rulebook.current_version() == before
    assert rows.read().products["amex-gold"].annual_fee_minor == 32500
    draft.refresh_from_db()
    with pytest.raises(DraftRefusedError, match="You wrote or changed this draft yourself"):
        publishing.publish(draft=draft, user=author, reason="Mine.", shown_version=draft.version)
    with pytest.raises(DraftRefusedError, match="Look first at which purchases would change"):
        publishing.publish(draft=draft, user=superuser(), reason="Blind.", shown_version=draft.version)

    published(draft)

    gold = rows.read().products["amex-gold"]
    assert (gold.annual_fee_minor, gold.bonuses[0].rate) == (40000, 5)
    assert rulebook.current_version() > before
    now = {each.key: each.version for each in RewardBonus.objects.filter(terms__product__key="amex-gold")}
    assert {key for key in now if now[key] > versions[key]} == {entry["bonuses"][0]["key"]}


@pytest.mark.usefixtures("_shipped")
def test_going_back_begins_a_draft_of_the_terms_before() -> None:
    author, was = superuser(), changed()
    draft = drafts.begin(title="Dearer", user=author)
    drafting.put(draft=draft, kind=Kind.PRODUCT, key="amex-gold", entry=changed(annual_fee_minor=1), user=author)
    drafting.put(draft=draft, kind=Kind.PRODUCT, key="amex-green", entry=None, user=author)
    publication = published(draft)
    assert "amex-green" not in rows.read().products

    published(publishing.draft_state_before(publication=publication, user=author))

    assert changed() == was
    assert "amex-green" in rows.read().products


@pytest.mark.usefixtures("_shipped")
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"programme": "nowhere"}, "there is no programme 'nowhere'"),
        ({"base_rate": "1.001"}, "at most two decimals"),
        ({"base_rate": "much"}, "base_rate"),
        ({"key": "other"}, "its text says that it is other"),
        ({"network": "diners"}, "network must be one of"),
        ({"bonuses": [{"key": "a", "rate": "2", "cap": "none"}]}, "the card has no cap 'none'"),
        ({"bonuses": [{"key": "a", "rate": "2"}, {"key": "a", "rate": "3"}]}, "two of its bonuses have one key"),
        ({"bonuses": [{"key": "a", "rate": "2", "scopes": [{"categories": ["moon"]}]}]}, "there is no category 'moon'"),
    ],
)
def test_a_bad_entry_is_refused_with_a_sentence(values: dict[str, Any], words: str) -> None:
    author = superuser()
    draft = drafts.begin(title="Bad", user=author)
    with pytest.raises(CatalogueError) as caught:
        drafting.put(draft=draft, kind=Kind.PRODUCT, key="amex-gold", entry=changed(**values), user=author)
    assert words in caught.value.message
    assert not draft.entries.exists()


@pytest.mark.usefixtures("_shipped")
def test_a_programme_that_products_name_cannot_go() -> None:
    author = superuser()
    draft = drafts.begin(title="Bad", user=author)
    with pytest.raises(CatalogueError, match="there is no programme 'cash'"):
        drafting.put(draft=draft, kind=Kind.PROGRAMME, key="cash", entry=None, user=author)
    assert RewardProgramme.objects.filter(key="cash").exists()


@pytest.mark.usefixtures("_shipped")
def test_terms_published_otherwise_meanwhile_stop_a_draft() -> None:
    first, second = superuser(), superuser()
    mine, other = drafts.begin(title="Mine", user=first), drafts.begin(title="Other", user=second)
    drafting.put(draft=mine, kind=Kind.PRODUCT, key="amex-gold", entry=changed(annual_fee_minor=1), user=first)
    drafting.put(draft=other, kind=Kind.PRODUCT, key="amex-gold", entry=changed(annual_fee_minor=2), user=second)
    published(other)
    with pytest.raises(DraftRefusedError, match="was published otherwise"):
        published(mine)
    assert rows.read().products["amex-gold"].annual_fee_minor == 2

    publishing.renew(draft=mine, user=first)
    published(mine)
    assert rows.read().products["amex-gold"].annual_fee_minor == 1


@pytest.mark.usefixtures("_shipped")
def test_a_file_becomes_a_draft_of_what_differs() -> None:
    entries = entries_of(rows.read())
    entries[GOLD] = changed(annual_fee_minor=5)
    del entries[str(Kind.PRODUCT), "apple-card"]
    content = write_file(entries, as_of=date(2026, 11, 29)).encode()
    draft = drafting.import_file(
        content=content, source="new.json", title="New terms", removes_others=True, user=superuser()
    )
    found = {(change.key, change.entry is None) for change in draft.entries.all()}
    assert found == {("amex-gold", False), ("apple-card", True)}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe{", "is no JSON"),
        (b"[]", "must hold one JSON object"),
        (b"{}", "has none of the lists"),
        (b'{"products": 1}', "products must be a list"),
        (b'{"products": [{}]}', "Card product, entry 1 has no key"),
        (b'{"merchant_lists": []}', "merchant_lists must be an object"),
        (json.dumps({"categories": [{"tag": "a", "label": "A", "mcc_ranges": [["1"]]}]}).encode(), "Category a"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=words):
        read_entries(content, source="bad.json")
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        call_command("import_catalogue", file)
    assert not RewardTerms.objects.exists()
