"""A second person publishes a draft, once, as the page showed it; the history can be gone back to."""

import datetime as dt
from decimal import Decimal
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from audit.models import Entry
from onecard.kit import clock
from onecard.users.models import User
from routing import rulebook
from routing.models import RankingDraft, RankingRow
from routing.rankings import drafts, publishing
from routing.rankings.drafts import DraftRefusedError
from tests.routing.rankings.drafting import draft_with, entry, previewed, publish
from tests.routing.rankings.ranking_files import csv_of, take
from tests.support.back_office import superuser
from tests.support.factories import CardProductFactory, RankingRowFactory, UserFactory
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db


def refused(draft: RankingDraft, user: User, **options: int) -> str:
    shown = {"shown_version": draft.version, **options}
    with pytest.raises(DraftRefusedError) as caught:
        publishing.publish(draft=draft, user=user, reason="Agreed.", **shown)
    draft.refresh_from_db()
    assert draft.status == "draft"
    return caught.value.message


def rates() -> dict[str, Decimal]:
    return {row.card_name: row.reward_rate for row in RankingRow.objects.all()}


def test_published_rankings_hold_at_once_in_every_process() -> None:
    changed, removed = RankingRowFactory(card_name="Changed"), RankingRowFactory(card_name="Removed")
    before = rulebook.current_version()
    rulebook.rules_for(version=before, mcc="5812")
    author, second = superuser(), superuser()
    draft = draft_with(entry(changed), entry(), author=author)
    drafts.put_removal(draft=draft, row=removed, user=author)

    publish(draft, second)

    version = rulebook.current_version()
    assert version > before
    _rules, rows, _versions = rulebook.rules_for(version=version, mcc="5812")
    assert {(row.reward_rate, row.reward_type) for row in rows} == {(3, "cash")}
    assert rates() == {"Changed": 3, "New": 3}
    draft.refresh_from_db()
    assert (draft.status, draft.published_by, draft.reason) == ("published", second, "Agreed.")
    written = Entry.objects.get(action="rankings.published")
    assert (written.actor, written.details["author"]) == (f"user:{second.pk}", f"user:{author.pk}")


def test_nobody_publishes_what_they_wrote_or_changed() -> None:
    author, helper, last = superuser(), superuser(), superuser()
    draft = draft_with(entry(), author=author)
    drafts.put(draft=draft, entry=entry(card_name="Of the helper"), user=helper)
    drafts.put(draft=draft, entry=entry(card_name="Of the last"), user=last)
    previewed(draft)

    for person in (author, helper, last, UserFactory(is_staff=True, email=author.email)):
        assert "You wrote or changed this draft yourself" in refused(draft, person)
    assert not RankingRow.objects.exists()


def test_who_changes_a_draft_in_another_tab_publishes_it_no_more() -> None:
    second = superuser()
    draft = previewed(draft_with(entry()))
    shown = draft.version
    drafts.put(draft=draft, entry=entry(card_name="By the second"), user=second)

    assert "yourself" in refused(draft, second, shown_version=shown)
    assert "was changed after you opened" in refused(previewed(draft), superuser(), shown_version=shown)
    assert not RankingRow.objects.exists()


def test_a_draft_is_published_only_after_a_preview_of_it_as_it_is() -> None:
    draft = draft_with(entry())
    assert "Preview" in refused(draft, superuser())
    previewed(draft)
    drafts.put(draft=draft, entry=entry(card_name="Later"), user=draft.author)
    draft.refresh_from_db()

    assert "Preview" in refused(draft, superuser())


def test_who_is_not_trusted_yet_does_not_publish() -> None:
    fresh = UserFactory(is_staff=True, is_superuser=True, trusted_from=clock.now() + dt.timedelta(hours=1))

    assert "second factor is new" in refused(previewed(draft_with(entry())), fresh)


def test_rankings_that_were_published_otherwise_stop_a_draft() -> None:
    row = RankingRowFactory(card_name="Both")
    draft = previewed(draft_with(entry(row)))
    publish(draft_with(entry(row, reward_rate=Decimal(7))))

    assert "published otherwise" in refused(draft, superuser())
    assert rates() == {"Both": 7}
    assert publishing.conflicts(draft) == [draft.changes.get()]

    drafts.renew(draft=draft, user=draft.author)
    publish(draft)
    assert rates() == {"Both": 3}


@pytest.mark.parametrize("who", ["author", "changed_by"])
def test_the_database_refuses_a_publisher_who_wrote_it(who: str) -> None:
    draft = draft_with(entry())
    other = superuser()
    RankingDraft.objects.filter(pk=draft.pk).update(changed_by=other)
    draft.refresh_from_db()

    changes = {"status": "published", "reason": "Mine.", "published_at": clock.now()}
    with pytest.raises(IntegrityError, match="ranking_draft_published_by_another"), transaction.atomic():
        RankingDraft.objects.filter(pk=draft.pk).update(published_by=getattr(draft, who), **changes)
    with pytest.raises(IntegrityError, match="ranking_draft_published_by_another"), transaction.atomic():
        RankingDraft.objects.filter(pk=draft.pk).update(**changes)
    with pytest.raises(IntegrityError, match="ranking_draft_has_an_author"), transaction.atomic():
        RankingDraft.objects.filter(pk=draft.pk).update(author=None)


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_publish_once() -> None:
    draft = previewed(draft_with(entry()))
    version = draft.version

    def attempt(person: User) -> str:
        try:
            publishing.publish(draft=draft, user=person, reason="Agreed.", shown_version=version)
        except DraftRefusedError:
            return "refused"
        return "published"

    assert sorted(at_once([partial(attempt, superuser()), partial(attempt, superuser())])) == ["published", "refused"]
    assert Entry.objects.filter(action="rankings.published").count() == 1


def test_a_command_publishes_at_once_and_is_in_the_history() -> None:
    RankingRowFactory(card_name="Gold", network="amex", reward_rate=2)

    take(csv_of("5812,network,,amex,Gold,4,points,,,"), "csv")

    publication = RankingDraft.objects.get()
    assert (publication.status, publication.by_command) == ("published", "system:import_rankings")
    assert publication.changes.get().before["reward_rate"] == "2"
    assert rates() == {"Gold": 4}


def test_an_earlier_state_comes_back_as_a_draft_for_a_second_person() -> None:
    kept = RankingRowFactory(card_name="Kept", reward_rate=1)
    first = publish(draft_with(entry(kept), entry(card_name="Added", product_id=CardProductFactory().pk, network="")))
    publish(draft_with(entry(kept, reward_rate=Decimal(9))))
    person = superuser()

    back = publishing.draft_state_before(publication=first, user=person)

    assert rates() == {"Kept": 9, "Added": 3}
    assert (back.author, back.status, back.changes.count()) == (person, "draft", 2)
    assert "yourself" in refused(previewed(back), person)
    publish(back)
    assert rates() == {"Kept": 1}
    with pytest.raises(DraftRefusedError, match="nothing to take back"):
        publishing.draft_state_before(publication=first, user=person)
    assert not RankingDraft.objects.filter(status="draft").exists()
