"""The commands: what they print, what they refuse, and that a failed export leaves the old file."""

import csv
import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries

from routing.models import RankingRow
from tests.routing.rankings.ranking_files import card, csv_of, json_of
from tests.support.factories import RankingRowFactory

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: object) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(command, *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_files_ending_decides_the_format(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json_of(card()))
    (tmp_path / "two.CSV").write_text(csv_of("5812,network,,visa,,1,cash,,,"))
    assert run("import_rankings", tmp_path / "one.json")[0] == "one.json: 1 created, 0 updated, 0 unchanged.\n"
    assert run("import_rankings", tmp_path / "two.CSV")[0] == "two.CSV: 1 created, 0 updated, 0 unchanged.\n"


def test_format_overrules_the_ending(tmp_path: Path) -> None:
    (tmp_path / "rankings.txt").write_text(json_of(card()))
    with pytest.raises(CommandError, match=r"rankings.txt ends neither in .json nor in .csv; say which it is with"):
        run("import_rankings", tmp_path / "rankings.txt")
    run("import_rankings", tmp_path / "rankings.txt", "--format", "json")
    assert RankingRow.objects.count() == 1


def test_a_dry_run_says_that_nothing_was_written(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json_of(card()))
    out, _ = run("import_rankings", tmp_path / "one.json", "--dry-run")
    assert out == "one.json: 1 created, 0 updated, 0 unchanged. Nothing was written (dry run).\n"
    assert not RankingRow.objects.exists()


def test_mistakes_end_the_command_with_the_sentences(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(json_of(card(cardKey="x")))
    with pytest.raises(
        CommandError, match=r"bad.json has 1 mistake, so nothing was imported:\n  line 3: cardKey"
    ) as end:
        run("import_rankings", tmp_path / "bad.json")
    assert end.value.returncode == 1


def test_a_file_that_cannot_be_read_or_written_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none.json cannot be read: No such file or directory\."):
        run("import_rankings", tmp_path / "none.json")
    with pytest.raises(CommandError, match=r"cannot be read: Is a directory\."):
        run("import_rankings", tmp_path)
    with pytest.raises(CommandError, match=r"none/x.csv cannot be written: No such file or directory\."):
        run("export_rankings", tmp_path / "none" / "x.csv")


def test_an_export_goes_to_the_terminal_as_csv_or_as_json() -> None:
    RankingRowFactory(card_name="One")
    out, err = run("export_rankings")
    assert [row["card_name"] for row in csv.DictReader(io.StringIO(out))] == ["One"]
    assert err == "1 rows exported.\n"
    assert run("export_rankings", "--format", "json")[0].startswith('{\n  "5812": [')


def test_an_export_says_what_json_cannot_express(tmp_path: Path) -> None:
    RankingRowFactory(valid_from="2026-01-01")
    _, err = run("export_rankings", tmp_path / "all.json")
    assert "1 rows left out: JSON has no word for single products and dates; --format csv has." in err


def test_an_export_replaces_the_file_and_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    file.write_text("old")
    RankingRowFactory.create_batch(3)
    run("export_rankings", file)
    assert [path.name for path in tmp_path.iterdir()] == ["all.csv"]
    assert "0 created, 0 updated, 3 unchanged" in run("import_rankings", file)[0]


def test_a_failed_export_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "all.csv"
    file.write_text("old")

    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(CommandError, match=r"cannot be written: No space left on device\."):
        run("export_rankings", file)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["all.csv"]


def test_thousands_of_rows_take_a_handful_of_queries(
    tmp_path: Path, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    file = tmp_path / "many.json"
    file.write_text(json_of(*[card(cardName=f"Card {number}") for number in range(5000)]))
    with django_assert_max_num_queries(15):
        run("import_rankings", file)
    assert RankingRow.objects.count() == 5000
