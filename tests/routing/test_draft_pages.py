"""The pages of staff for drafts of rankings: two people, what each may do, and what a refused form says."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from onecard.kit import clock
from onecard.users.models import User
from routing.models import RankingChange, RankingDraft, RankingPreview, RankingRow
from tests.routing.rankings.drafting import draft_with, entry, previewed
from tests.routing.rankings.ranking_files import csv_of
from tests.support.back_office import logged_in, opened, send, sentences, superuser, text_of
from tests.support.factories import CardProductFactory, RankingRowFactory, UserFactory

pytestmark = pytest.mark.django_db

IMPORT = "admin:routing_rankingrow_import_file"


def page(name: str, *args: object) -> str:
    return reverse(f"admin:routing_{name}", args=args)


def clerk(*codenames: str) -> User:
    person = UserFactory(is_staff=True)
    person.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return person


def upload(client: Client, text: str, name: str = "rankings.csv", **more: Any) -> Any:
    file = SimpleUploadedFile(name, text.encode(), content_type="text/csv")
    return client.post(reverse(IMPORT), {"file": file, "title": "", **more})


def test_a_ranking_changes_in_a_draft_and_a_second_person_publishes_it() -> None:
    row, author, second = RankingRowFactory(), superuser(), superuser()

    answer = send(
        logged_in(author),
        page("rankingrow_change_in_draft", row.pk),
        draft="new",
        reward_rate="2.5",
        valid_to="2030-12-31",
    )
    draft = RankingDraft.objects.get()
    assert answer.url == page("rankingdraft_change", draft.pk)
    row.refresh_from_db()
    assert (row.reward_rate, row.version) == (1, 1)
    previewed(draft)
    shown = text_of(logged_in(author).get(page("rankingdraft_change", draft.pk)))
    assert "1 point becomes 2.5 points; last day open becomes 2030-12-31" in shown
    assert f"but {author.get_username()}, who wrote it" in shown
    assert page("rankingdraft_publish", draft.pk) not in shown

    answer = send(logged_in(second), page("rankingdraft_publish", draft.pk), reason="The bank says so.")

    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.reward_rate, row.valid_to, row.version) == (2.5, dt.date(2030, 12, 31), 2)
    history = text_of(logged_in(author).get(page("rankingdraft_changelist")))
    assert "The bank says so." in history
    assert second.get_username() in history


def test_the_author_who_opens_the_publication_by_its_address_is_refused() -> None:
    author = superuser()
    draft = previewed(draft_with(entry(), author=author))

    answer = send(logged_in(author), page("rankingdraft_publish", draft.pk), reason="Mine.")

    assert "You wrote or changed this draft yourself" in sentences(answer)
    assert not RankingRow.objects.exists()


def test_a_publication_page_that_was_opened_before_a_change_is_refused() -> None:
    second = superuser()
    draft, client = previewed(draft_with(entry())), logged_in(second)
    values = opened(client, page("rankingdraft_publish", draft.pk))
    send(
        logged_in(draft.author),
        page("rankingdraft_add_ranking", draft.pk),
        mcc="5411",
        card="n:amex",
        reward_rate="1",
        reward_type="cash",
    )
    previewed(draft)

    answer = client.post(page("rankingdraft_publish", draft.pk), values | {"reason": "Agreed."})

    assert "was changed after you opened the page" in sentences(answer)
    assert not RankingRow.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mcc": "58"}, "Enter a valid value"),
        ({"mcc": "0001"}, "not on the list of merchant categories"),
        ({"reward_rate": "-1"}, "greater than or equal to 0"),
        ({"reward_rate": "NaN"}, "Enter a number"),
        ({"reward_rate": "99999"}, "less than or equal to 9999"),
        ({"valid_from": "2026-02-02", "valid_to": "2026-01-01"}, "The last day lies before the first one."),
        ({"card": "p:999"}, "Select a valid choice"),
        ({"draft": "999"}, "Select a valid choice"),
    ],
)
def test_a_bad_ranking_gets_a_sentence_and_leaves_no_draft(changes: dict[str, str], sentence: str) -> None:
    good = {"draft": "new", "mcc": "5812", "card": "n:visa", "reward_rate": "1", "reward_type": "cash"}

    answer = send(logged_in(), page("rankingrow_new_ranking"), **(good | changes))

    assert sentence in text_of(answer)
    assert not RankingDraft.objects.exists()


def test_a_refused_ranking_leaves_no_new_draft_behind() -> None:
    row = RankingRowFactory()

    answer = send(logged_in(), page("rankingrow_change_in_draft", row.pk), draft="new")

    assert "This is published already" in sentences(answer)
    assert not RankingDraft.objects.exists()


def test_a_removal_goes_into_a_draft_that_is_open() -> None:
    row, draft = RankingRowFactory(), draft_with(entry())

    send(logged_in(), page("rankingrow_remove_in_draft", row.pk), draft=str(draft.pk))

    assert draft.changes.filter(removes=True, card_name=row.card_name).exists()
    assert RankingRow.objects.filter(pk=row.pk).exists()


def test_a_change_is_edited_and_taken_out_on_the_drafts_page() -> None:
    draft, client = draft_with(entry()), logged_in()
    change = draft.changes.get()

    send(client, page("rankingdraft_edit_change", draft.pk, change.pk), reward_rate="7")
    change = RankingChange.objects.get()
    assert change.reward_rate == 7
    send(client, page("rankingdraft_take_out", draft.pk, change.pk))
    assert not draft.changes.exists()
    assert client.get(page("rankingdraft_take_out", draft.pk, change.pk)).status_code == 404


def test_a_file_is_imported_into_a_draft() -> None:
    RankingRowFactory(card_name="Gone")

    answer = upload(logged_in(), csv_of("5812,network,,amex,Gold,4,points,250,,"), removes_others="on")

    draft = RankingDraft.objects.get()
    assert answer.url == page("rankingdraft_change", draft.pk)
    assert (draft.title, draft.source, draft.changes.count()) == ("rankings.csv", "rankings.csv", 2)
    assert not RankingRow.objects.filter(card_name="Gold").exists()


def test_an_import_with_a_mistake_shows_row_column_and_what_to_do() -> None:
    answer = upload(logged_in(), csv_of("5812,network,,amex,Gold,4,points,,,", "5812,network,,visa,Bad,many,cash,,,"))

    assert [(each.line, each.column) for each in answer.context["problems"]] == [(3, "reward_rate")]
    shown = text_of(answer)
    assert "1 row is wrong, so nothing was imported" in shown
    assert "it must be a number such as 1.5" in shown
    assert not RankingDraft.objects.exists()


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("", "empty.csv", "empty"),
        ("a,b\n1,2\n", "other.csv", "has no column mcc"),
        ("{", "broken.json", "is not JSON"),
        ("x", "rankings.xlsx", "ends neither in .json nor in .csv"),
        ("mcc", "", "required"),
    ],
)
def test_what_is_no_list_of_rankings_gets_a_sentence(text: str, name: str, sentence: str) -> None:
    answer = upload(logged_in(), text, name) if name else logged_in().post(reverse(IMPORT), {"file": text})

    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert not RankingDraft.objects.exists()


def test_an_export_is_safe_in_a_spreadsheet_and_comes_back_whole() -> None:
    names = ["=cmd()", "'=cmd()", "+1", "@x", "Plain", "'quoted'"]
    for name in names:
        RankingRowFactory(card_name=name)
    client = logged_in()

    exported = client.get(page("rankingrow_export_csv"))

    cells = [line.split(",")[4] for line in exported.content.decode().splitlines()[1:]]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    RankingRow.objects.all().delete()
    upload(client, exported.content.decode())
    assert sorted(RankingChange.objects.values_list("card_name", flat=True)) == sorted(names)
    assert client.get(page("rankingrow_export_json"))["Content-Disposition"].endswith('.json"')


def test_who_may_only_look_writes_and_publishes_nothing() -> None:
    looks = logged_in(clerk("view_rankingrow", "view_rankingdraft", "view_rankingpreview"))
    row, draft = RankingRowFactory(), previewed(draft_with(entry()))

    for address in ("rankingrow_changelist", "rankingrow_grid", "rankingdraft_changelist"):
        assert looks.get(page(address)).status_code == 200
    shown = text_of(looks.get(page("rankingdraft_change", draft.pk)))
    assert "Added: 3 % cash back, always" in shown
    assert "Take out" not in shown
    for address in (
        page("rankingrow_change_in_draft", row.pk),
        page("rankingrow_new_ranking"),
        page("rankingrow_import_file"),
        page("rankingdraft_publish", draft.pk),
        page("rankingdraft_discard", draft.pk),
        page("rankingdraft_preview", draft.pk),
        page("rankingdraft_take_out", draft.pk, draft.changes.get().pk),
    ):
        assert looks.get(address).status_code == 403, address
        assert looks.post(address, {}).status_code == 403, address
    assert draft.changes.exists()


def test_a_ranking_is_edited_past_a_draft_by_nobody() -> None:
    row, client = RankingRowFactory(), logged_in()

    for address in (page("rankingrow_change", row.pk), page("rankingrow_add"), page("rankingrow_delete", row.pk)):
        assert client.post(address, {"reward_rate": "9", "post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.reward_rate == 1


def test_overlaps_are_warned_of_before_the_publication() -> None:
    product = CardProductFactory(name="Twice")
    RankingRowFactory(product=product, card_name="", valid_from=dt.date(2026, 1, 1))
    draft = previewed(
        draft_with(entry(product_id=product.pk, network="", card_name="", valid_from=dt.date(2026, 6, 1)))
    )
    client = logged_in()

    for address in (page("rankingdraft_change", draft.pk), page("rankingdraft_publish", draft.pk)):
        shown = text_of(client.get(address))
        assert "Overlap at MCC 5812: two rankings of Twice hold from 2026-06-01" in shown


def test_a_running_preview_looks_again_and_a_finished_one_shows_the_money() -> None:
    draft, client = draft_with(entry()), logged_in()
    answer = send(client, page("rankingdraft_preview", draft.pk), days="30")
    preview = RankingPreview.objects.get()
    assert answer.url == page("rankingpreview_change", preview.pk)
    assert 'hx-trigger="every 2s"' in text_of(client.get(answer.url))

    sums = {"USD": {"now_micro": 1_000_000, "draft_micro": 2_500_000}}
    RankingPreview.objects.update(status="finished", finished_at=clock.now(), sums=sums, changed=1)
    shown = text_of(client.get(answer.url))
    assert "+1.50 USD" in shown
    assert "every 2s" not in shown
    polled = client.get(answer.url, headers={"HX-Request": "true"})
    assert (polled["HX-Refresh"], polled.content) == ("true", b"")


def test_a_publication_offers_the_way_back() -> None:
    RankingRowFactory(card_name="Old")
    upload(logged_in(), csv_of("5812,network,,amex,Gold,4,points,250,,"))
    draft = previewed(RankingDraft.objects.get())
    second = superuser()
    send(logged_in(second), page("rankingdraft_publish", draft.pk), reason="Yes.")

    answer = send(logged_in(second), page("rankingdraft_go_back", draft.pk))

    back = RankingDraft.objects.get(status="draft")
    assert answer.url == page("rankingdraft_change", back.pk)
    assert back.changes.get().removes


def test_a_very_large_draft_is_not_compared_on_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    draft, client = draft_with(entry(), entry(card_name="Second")), logged_in()
    monkeypatch.setattr("routing.admin.draft_words.MOST_COMPARED", 1)

    assert "too large to be compared here" in text_of(client.get(page("rankingdraft_change", draft.pk)))
