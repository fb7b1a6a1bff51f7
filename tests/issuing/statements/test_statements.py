"""A statement from its file to the draft of corrections: imported once, compared, and published by somebody else."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.urls import reverse

from audit.models import Entry
from issuing.backtest import preview as preview_work
from issuing.models import CardStatement, StatementLine
from issuing.rewards import sweep
from issuing.statements import corrections, importing
from issuing.statements.corrections import NothingToCorrectError, observed_rate
from issuing.statements.csv_format import StatementError
from issuing.statements.importing import Imported, import_statement
from issuing.statements.report import Compared
from onecard.kit import clock
from routing.models import CatalogueChange, RankingDraft, RewardBonus
from routing.rankings import previews, publishing
from tests.issuing.rewards.purchases import bought, refunded
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory
from tests.support.threads import at_once
from tests.support.wallets import valued_card
from wallet.models import FundingCharge, FundingMethod

pytestmark = pytest.mark.django_db
ME = "user:1"
AMOUNTS = (4500, 2000, 1234)


@pytest.fixture
def gold() -> FundingMethod:
    """The card that paid three dinners, which earned 4 points by its terms."""
    with override_settings(MERCHANT_MCC_PASSED_THROUGH=True):
        card = valued_card()
        charges = [bought(card, amount=amount) for amount in AMOUNTS]
    sweep.sweep()
    (method,) = {charge.method for charge in charges}
    return method


def today(method: FundingMethod) -> dt.date:
    return clock.local_day(clock.now(), method.cardholder.time_zone)


def file_of(method: FundingMethod, rate: str = "3", more: str = "") -> bytes:
    lines = [
        f"{today(method)},Bistro 4242424242424242,{amount / 100:.2f},{round(Decimal(rate) * amount / 100)}"
        for amount in AMOUNTS
    ]
    return "\n".join(["date,description,amount,reward", *lines, more]).encode()


def imported(method: FundingMethod, content: bytes, **more: Any) -> Imported:
    return import_statement(method=method, content=content, actor=ME, **more)


def test_the_same_file_twice_and_a_longer_one_count_each_line_once(gold: FundingMethod) -> None:
    done = imported(gold, file_of(gold))
    assert (done.new, done.repeated, done.matched) == (3, 0, 3)
    again = imported(gold, file_of(gold))
    assert (again.statement, again.new, again.repeated) == (done.statement, 0, 3)
    longer = imported(gold, file_of(gold, more=f"{today(gold)},Elsewhere,9.99,10"))
    assert (longer.new, longer.repeated, longer.matched) == (1, 3, 0)
    reordered = b"\n".join(file_of(gold).split(b"\n")[:1] + file_of(gold).split(b"\n")[:0:-1])
    assert imported(gold, reordered).statement is None
    assert (CardStatement.objects.count(), StatementLine.objects.count()) == (2, 4)
    assert Entry.objects.filter(action="statement.imported").count() == 2


def test_nothing_of_a_file_is_kept_but_days_amounts_and_rewards(gold: FundingMethod) -> None:
    imported(gold, file_of(gold))
    kept = [str(list(model.objects.values())) for model in (CardStatement, StatementLine)]
    kept.append(str(list(Entry.objects.filter(action="statement.imported").values())))
    assert "4242424242424242" not in "".join(kept)
    assert "Bistro" not in "".join(kept)


def test_a_dry_run_and_a_bad_file_write_nothing(gold: FundingMethod) -> None:
    done = imported(gold, file_of(gold), dry_run=True)
    assert (done.new, done.statement) == (3, None)
    with pytest.raises(StatementError, match="line 5"):
        imported(gold, file_of(gold, more="tomorrow,x,1,1"))
    assert not CardStatement.objects.exists()
    assert not Entry.objects.filter(action__startswith="statement.").exists()


def test_a_report_has_sums_rules_refunds_and_what_fits_nowhere(gold: FundingMethod) -> None:
    first = FundingCharge.objects.order_by("pk").first()
    assert first is not None
    refunded(first, 4500)
    sweep.sweep()
    more = f"{today(gold)},Refund,-45.00,-135\n{today(gold)},Elsewhere,9.99,10"
    done = imported(gold, file_of(gold, more=more))
    assert done.matched == 4
    assert done.statement is not None
    StatementLine.objects.filter(amount_minor=1234).update(charge=None)
    found = corrections.report_of(done.statement)
    (rule,) = found.rules
    assert (rule.rule.title, rule.rule.rate, len(rule.compared)) == ("Bonus dining", 4, 2)
    assert (rule.expected, rule.earned, rule.difference) == (260, 195, -65)
    assert found.refunds is not None
    assert (found.refunds.expected, found.refunds.earned) == (-180, -135)
    assert (found.expected, found.earned, found.difference) == (80, 60, -20)
    assert [line.amount_minor for line in found.elsewhere] == [1234, 999]
    assert [charge.money.minor for charge in found.missing] == [1234]


def test_corrections_become_a_draft_that_somebody_else_publishes(gold: FundingMethod) -> None:
    done = imported(gold, file_of(gold))
    assert done.statement is not None
    writer, publisher = UserFactory(is_superuser=True), UserFactory(is_superuser=True)
    draft = corrections.propose(statement=done.statement, user=writer)
    change = CatalogueChange.objects.get(draft=draft)
    rates = {each["key"]: each["rate"] for each in change.entry["bonuses"]}
    was = {each["key"]: each["rate"] for each in change.before["bonuses"]}
    assert rates == was | {"dining": "3"}
    assert RewardBonus.objects.get(terms__product__key="amex-gold", key="dining").rate == 4
    with pytest.raises(NothingToCorrectError, match="there already"):
        corrections.propose(statement=done.statement, user=publisher)
    with pytest.raises(publishing.DraftRefusedError):
        publishing.publish(draft=draft, user=writer, reason="Statement.", shown_version=draft.version)
    draft.refresh_from_db()
    preview = previews.ask(draft=draft, user=writer, days=1)
    with clock.ahead(dt.timedelta(seconds=1)):
        preview_work.go_on(preview_id=preview.pk)
    publishing.publish(draft=draft, user=publisher, reason="Statement.", shown_version=draft.version)
    assert RewardBonus.objects.get(terms__product__key="amex-gold", key="dining").rate == 3


def test_what_was_earned_as_expected_asks_for_no_correction(gold: FundingMethod) -> None:
    done = imported(gold, file_of(gold, rate="4"))
    assert done.statement is not None
    with pytest.raises(NothingToCorrectError, match="nothing to correct"):
        corrections.propose(statement=done.statement, user=UserFactory())
    assert not RankingDraft.objects.filter(status="draft").exists()


def test_bonus_rates_without_pass_through_point_to_the_switch_instead() -> None:
    with override_settings(MERCHANT_MCC_PASSED_THROUGH=False):
        card = valued_card()
        FundingMethod.objects.exclude(last_four="8431").update(status="disabled")
        (method,) = {bought(card, amount=amount).method for amount in AMOUNTS}
    sweep.sweep()
    done = imported(method, file_of(method, rate="4"))
    assert done.statement is not None
    with pytest.raises(NothingToCorrectError, match="may pass"):
        corrections.propose(statement=done.statement, user=UserFactory())


def test_the_roundest_rate_that_explains_every_line_is_found() -> None:
    def rate(*lines: tuple[int, str]) -> Decimal | None:
        return observed_rate([Compared(a, 0, int(Decimal(u) * 10**6)) for a, u in lines], "USD")

    assert rate((4500, "135"), (2000, "60"), (1234, "37")) == 3
    assert rate((4500, "67"), (20000, "300"), (1234, "19")) == Decimal("1.5")
    assert rate((4500, "0"), (2000, "0"), (1234, "0")) == 0
    assert rate((4500, "135"), (2000, "60")) is None
    assert rate((4500, "135"), (2000, "20"), (1234, "37")) is None
    assert rate((4500, "-135"), (2000, "-60"), (1234, "-37")) is None


@pytest.mark.django_db(transaction=True)
def test_the_same_file_at_once_is_imported_once(gold: FundingMethod) -> None:
    content = file_of(gold)
    done = at_once([lambda: imported(gold, content)] * 4)
    assert sorted(each.new for each in done) == [0, 0, 0, 3]
    assert StatementLine.objects.count() == 3


def test_the_command_says_what_it_would_do_and_does_it(
    gold: FundingMethod, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "november.csv"
    file.write_bytes(file_of(gold))
    call_command("import_statement", str(file), card=str(gold.public_id), dry_run=True)
    assert "3 new" in capsys.readouterr().out
    assert not CardStatement.objects.exists()
    call_command("import_statement", str(file), card=str(gold.public_id))
    assert "Bonus dining, 4: 3 purchases" in capsys.readouterr().out
    file.write_bytes(file_of(gold, more=f"{today(gold)},Elsewhere,9.99,10"))
    call_command("import_statement", str(file), card=str(gold.public_id))
    assert "9.99 USD: We charged nothing else to this card on these days" in capsys.readouterr().out
    file.write_bytes(b"nonsense")
    with pytest.raises(CommandError, match="no column date"):
        call_command("import_statement", str(file), card=str(gold.public_id))
    with pytest.raises(CommandError, match="No funding card"):
        call_command("import_statement", str(file), card="5f7c9ab0-0a4a-4d4b-9c1a-6d6a70b3f6a1")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_statement", str(tmp_path / "none.csv"), card=str(gold.public_id))


def test_staff_import_compare_and_draft_on_pages(gold: FundingMethod) -> None:
    client, page = logged_in(), reverse("admin:issuing_cardstatement_import_file")
    login = gold.cardholder.user.username
    answer = client.post(page, {"login": login, "last_four": "8431"})
    assert answer.headers["Location"] == f"{page}?card={gold.pk}"
    assert "exactly one funding card" in text_of(client.post(page, {"login": login, "last_four": "0000"}))
    upload = answer.headers["Location"]
    refused = client.post(upload, {"file": SimpleUploadedFile("a.csv", b"x,y\n1,2\n")})
    assert "no column date" in text_of(refused)
    content = b"date,amount,reward\nbad,1,1\n2026-11-03,x,1\n"
    german = client.post(upload, {"file": SimpleUploadedFile("a.csv", content)}, HTTP_ACCEPT_LANGUAGE="de")
    assert "schreiben Sie es wie 2026-01-31 oder 01/31/2026; Zeile 3: Betrag ist" in text_of(german)
    done = client.post(upload, {"file": SimpleUploadedFile("a.csv", file_of(gold))})
    statement = CardStatement.objects.get()
    assert done.headers["Location"] == reverse("admin:issuing_cardstatement_report", args=[statement.pk])
    shown = text_of(client.get(done.headers["Location"]))
    assert "Bonus dining" in shown
    assert "Draft corrections" in shown
    for query in ("?since=2020-01-01&until=2020-02-01", "?since=x", "?since=2026-02-01&until=2026-01-01"):
        assert client.get(done.headers["Location"] + query).status_code == 200
    correct = reverse("admin:issuing_cardstatement_draft_corrections", args=[statement.pk])
    assert "4 becomes 3" in text_of(client.get(correct))
    answer = client.post(correct)
    draft = RankingDraft.objects.get(status="draft")
    assert answer.headers["Location"] == reverse("admin:routing_rankingdraft_change", args=[draft.pk])
    assert importing.import_statement(method=gold, content=file_of(gold), actor=ME).new == 0
