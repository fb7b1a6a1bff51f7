"""An import of old documents as it is run: dry, twice at once, stopped on the way, and with what one may ask for."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from issuing.legacy import importing
from issuing.models import CardTransaction, LegacyDocument, VirtualCard
from tests.issuing.legacy.documents import (
    card,
    proof,
    transaction,
    without,
)
from tests.issuing.legacy.running import all_rows, run, run_lines, write
from tests.support.threads import at_once

real_commits = pytest.mark.django_db(transaction=True)


@pytest.mark.only_in_proofs
@real_commits
def test_a_dry_run_finds_the_same_faults_and_writes_nothing(tmp_path: Path) -> None:
    lines, named = proof(7, documents=600, bad=60)
    file = write(tmp_path / "old.jsonl", list(lines))
    before = all_rows()
    dry = run(file, dry_run=True, batch=50)
    assert "Nothing was written (dry run)." in dry.out
    assert all_rows() == before
    real = run(file, batch=50)
    assert dry.bad == real.bad
    assert dry.bad.keys() == named.keys()
    for label in ("Documents read", "Virtual cards imported", "Transactions imported", "Bad"):
        assert dry.count(label) == real.count(label)
    assert run(file, dry_run=True).count("Unchanged") == 540


@pytest.mark.only_in_proofs
@real_commits
def test_two_runs_at_once_import_each_document_once(tmp_path: Path) -> None:
    lines, named = proof(8, documents=600, bad=30)
    file = write(tmp_path / "old.jsonl", list(lines))
    runs = at_once([lambda: run(file, batch=20)] * 3)
    labels = ("Virtual cards imported", "Transactions imported")
    assert sum(ended.count(label) for ended in runs for label in labels) == 570 == LegacyDocument.objects.count()
    assert all(ended.bad.keys() == named.keys() for ended in runs)
    assert VirtualCard.objects.count() + CardTransaction.objects.count() == 570


@real_commits
@pytest.mark.parametrize("batches_done", [0, 1, 3, 6])
def test_a_run_that_was_stopped_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches_done: int
) -> None:
    lines, named = proof(9, documents=300, bad=20)
    file = write(tmp_path / "old.jsonl", list(lines))
    wait, turns = importing.lock_name, []

    def interrupted(name: str) -> None:
        turns.append(1)
        if len(turns) > batches_done:
            raise KeyboardInterrupt
        wait(name)

    monkeypatch.setattr(importing, "lock_name", interrupted)
    stopped = run(file, batch=40)
    assert stopped.status == 130
    done = LegacyDocument.objects.count()
    assert done < 280
    monkeypatch.undo()
    ended = run(file, batch=40)
    assert ended.count("Unchanged") == done
    assert LegacyDocument.objects.count() == 280
    assert ended.bad.keys() == named.keys()


@pytest.mark.django_db
def test_one_kind_can_be_asked_for(tmp_path: Path) -> None:
    lines = [card(1), {"model": "Transaction", **transaction(1)}, without(card(2), "issuerCardId", "cardType")]
    ended = run_lines(tmp_path, *lines, kind="virtual_card")
    assert "but only VirtualCard lines were asked for" in ended.bad[2]
    assert "issuerCardId: is missing" in ended.bad[3]
    assert not CardTransaction.objects.exists()


@pytest.mark.django_db
def test_the_issuer_of_cards_that_name_none_can_be_given(tmp_path: Path) -> None:
    line = without(card(1), "issuerProvider")
    assert "issuerProvider: is missing" in run_lines(tmp_path, line).bad[1]
    assert run_lines(tmp_path, line, provider_default="marqeta").status == 0
    assert VirtualCard.objects.get().issuer_provider == "marqeta"
    assert run_lines(tmp_path, line).count("Unchanged") == 1


@pytest.mark.django_db
def test_several_files_are_one_import_and_the_report_names_each(tmp_path: Path) -> None:
    first = write(tmp_path / "transactions.jsonl", [transaction(1), "nonsense"])
    second = write(tmp_path / "cards.jsonl", [card(1), card(2, status="=cmd()")])
    for name in ("bad.jsonl", "bad.csv"):
        ended = run(first, second, report=tmp_path / name, dry_run=name == "bad.jsonl")
        assert ended.status == 1
    told = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert [(Path(bad["file"]).name, bad["line"]) for bad in told] == [("transactions.jsonl", 2), ("cards.jsonl", 2)]
    with (tmp_path / "bad.csv").open(newline="") as file:
        assert [row["reason"] for row in csv.DictReader(file)] == [bad["reason"] for bad in told]
    assert CardTransaction.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("names", "options", "sentence"),
    [
        (["nowhere.jsonl"], {}, "is not a file"),
        (["old.jsonl", "old.jsonl"], {}, "named twice"),
        (["old.jsonl"], {"batch": 0}, "--batch"),
        (["old.jsonl"], {"report": "report.xml"}, "its format is not known"),
        (["old.jsonl"], {"report": "old.jsonl"}, "write the report elsewhere"),
        (["old.jsonl"], {"report": "none/report.csv"}, "cannot be used"),
    ],
)
def test_unusable_arguments_end_with_2_before_anything_is_written(
    tmp_path: Path, names: list[str], options: dict[str, Any], sentence: str
) -> None:
    write(tmp_path / "old.jsonl", [card(1)])
    given = {name: tmp_path / value if name == "report" else value for name, value in options.items()}
    ended = run(*[tmp_path / name for name in names], **given)
    assert ended.status == 2
    assert sentence in ended.said
    assert not LegacyDocument.objects.exists()
    assert (tmp_path / "old.jsonl").stat().st_size > 100


@pytest.mark.only_in_proofs
@real_commits
def test_the_shell_sees_1_for_bad_lines_and_0_without(tmp_path: Path) -> None:
    ours = re.sub(r"(?<!/)/[^/?]+(?=\?|$)", f"/{connection.settings_dict['NAME']}", os.environ["DATABASE_URL"])
    environment = os.environ | {"DATABASE_URL": ours}
    for lines, status in (([card(1)], 0), ([card(1), "nonsense"], 1)):
        file = write(tmp_path / "old.jsonl", lines)
        command = [sys.executable, "manage.py", "import_legacy", str(file), "--dry-run"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert ended.returncode == status, ended.stderr
        assert "Documents read" in ended.stdout
        assert (f"{file}:2: the line is not JSON" in ended.stderr) == (status == 1)


def test_the_help_names_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("import_legacy", "--help")
    assert "1 some lines were bad" in " ".join(capsys.readouterr().out.split())


@real_commits
def test_a_database_that_breaks_off_is_no_bad_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wait, turns = importing.lock_name, []

    def broken(name: str) -> None:
        turns.append(1)
        if len(turns) == 2:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        wait(name)

    monkeypatch.setattr(importing, "lock_name", broken)
    file = write(tmp_path / "old.jsonl", [card(number) for number in range(1, 6)])
    ended = run(file, batch=2)
    connection.close()
    assert (ended.status, ended.bad) == (2, {})
    assert "run it again for the rest" in ended.said
    assert LegacyDocument.objects.count() == 2
    assert run(file, batch=2).count("Virtual cards imported") == 3
