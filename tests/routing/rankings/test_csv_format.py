"""Every kind of mistake in a CSV file of rankings is named with its line."""

from decimal import Decimal

import pytest

from routing.models import RankingRow
from routing.rankings.entry import RankingsError
from tests.routing.rankings.ranking_files import HEADER, csv_of, take
from tests.support.factories import CardProductFactory

pytestmark = pytest.mark.django_db

GOOD = "5812,network,,amex,Gold,4,points,250,,"
NETWORKS = "visa, mastercard, amex, discover, american express"
DATE = "write a date like 2026-01-31, or leave it empty"


def refusal(text: str | bytes) -> str:
    with pytest.raises(RankingsError) as caught:
        take(text, "csv")
    assert not RankingRow.objects.exists()
    return caught.value.message


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("581,network,,visa,,1,cash,,,", "the MCC is '581'; it must be four digits"),
        (",network,,visa,,1,cash,,,", "the MCC is ''; it must be four digits"),
        (
            "0001,network,,visa,,1,cash,,,",
            "MCC 0001 is not on the list of merchant categories; mend it, or add it to the list first",
        ),
        ("5812,card,,visa,,1,cash,,,", "scope is 'card'; it must be product or network"),
        ("5812,network,,diners,,1,cash,,,", f"network is 'diners'; it must be one of: {NETWORKS}"),
        ("5812,network,,,,1,cash,,,", f"network is ''; it must be one of: {NETWORKS}"),
        ("5812,network,citi,visa,,1,cash,,,", "scope network leaves the column product empty"),
        ("5812,product,citi,visa,,1,cash,,,", "scope product leaves the column network empty"),
        (
            "5812,product,nobody,,,1,cash,,,",
            "product is 'nobody'; no card product has that key, so add it first or mend the key",
        ),
        ("5812,product,,,,1,cash,,,", "product is ''; no card product has that key, so add it first or mend the key"),
        ("5812,network,,visa,,,cash,,,", "reward_rate is ''; it must be a number such as 1.5"),
        ("5812,network,,visa,,NaN,cash,,,", "reward_rate is 'NaN'; it must be a number such as 1.5"),
        ("5812,network,,visa,,1_0,cash,,,", "reward_rate is '1_0'; it must be a number such as 1.5"),
        ('5812,network,,visa,,"1,5",cash,,,', "reward_rate is '1,5'; it must be a number such as 1.5"),
        ("5812,network,,visa,,-1,cash,,,", "reward_rate is -1; it cannot be negative"),
        ("5812,network,,visa,,10000,cash,,,", "reward_rate is 10000; it must be below 10000"),
        ("5812,network,,visa,,1.0005,cash,,,", "reward_rate is 1.0005; at most 3 decimals are kept"),
        (
            "5812,network,,visa,,1,stars,,,",
            "reward_type is 'stars'; it must be one of: cash, points, miles, default, cash back, cashback",
        ),
        ("5812,network,,visa,,1,cash,-1,,", "annual_fee is -1; it cannot be negative"),
        ("5812,network,,visa,,1,cash,$95,,", "annual_fee is '$95'; it must be a number such as 1.5"),
        ("5812,network,,visa,,1,cash,,2026-02-30,", f"valid_from is '2026-02-30'; {DATE}"),
        ("5812,network,,visa,,1,cash,,,31.12.2026", f"valid_to is '31.12.2026'; {DATE}"),
        ("5812,network,,visa,,1,cash,,20260101,", f"valid_from is '20260101'; {DATE}"),
        (
            "5812,network,,visa,,1,cash,,2026-02-01,2026-01-31",
            "valid_to 2026-01-31 lies before valid_from 2026-02-01",
        ),
        ("5812,network,,visa,,1,cash,,", "there are 9 values for 10 columns"),
        ("5812,network,,visa,,1,cash,,,,x", "there are 11 values for 10 columns"),
        (f"5812,network,,visa,{'x' * 121},1,cash,,,", "card_name has 121 characters; at most 120 are kept"),
        (GOOD.replace("4", "5"), "the same card, MCC and first day as on line 2; keep one of the two"),
    ],
)
def test_a_bad_row_is_named_with_its_line(line: str, sentence: str) -> None:
    CardProductFactory(key="citi")
    text = csv_of(GOOD, line, GOOD.replace("Gold", "Third"))
    assert refusal(text) == f"some.csv has 1 mistake, so nothing was imported:\n  line 3: {sentence}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "some.csv is empty, so nothing was imported."),
        (HEADER, "some.csv holds no rankings, so nothing was imported."),
        (GOOD, "some.csv has no column mcc, so nothing was imported. The first line names the columns: mcc, scope,"),
        (HEADER.replace(",", ";"), "some.csv holds no rankings, so nothing was imported."),
        (HEADER.replace(",", ":"), "some.csv has no column mcc, so nothing was imported."),
        (HEADER.replace("reward_type", "kind"), "some.csv has no column reward_type, so nothing was imported."),
        (HEADER + ",colour", "some.csv has an unknown column 'colour', so nothing was imported."),
        (HEADER + ",mcc", "some.csv has the column mcc twice, so nothing was imported."),
        (csv_of('5812,network,,visa,"open,1,cash,,,'), "some.csv is not CSV: unexpected end of data, from line 2 on."),
        (csv_of(GOOD, 'a"b"c,"d"e'), "some.csv is not CSV: ',' expected after '\"', from line 3 on."),
        (csv_of("x" * 200_000), "some.csv is not CSV: field larger than field limit (131072), from line 2 on."),
        (b"mcc\n\xe9", "some.csv is not UTF-8 text: line 2 has a byte that does not belong there. Save it as UTF-8."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_file_that_is_no_ranking_file_gets_a_sentence(text: str | bytes, message: str) -> None:
    assert refusal(text).startswith(message)


def test_a_null_character_gets_a_sentence() -> None:
    assert "card_name holds a character that cannot be stored" in refusal(csv_of(GOOD.replace("Gold", "Go\0ld")))


def test_lines_are_counted_as_an_editor_does() -> None:
    two_lines = '5812,network,,visa,"two\nlines",1,cash,,,'
    assert "  line 5: " in refusal(csv_of(two_lines, "", GOOD.replace("amex", "x")))


def test_columns_come_in_any_order_and_optional_ones_may_be_missing() -> None:
    assert take("Reward_Rate, mcc ,scope,network,reward_type\n2,5812,network,visa,cash\n", "csv").created == 1
    row = RankingRow.objects.get()
    assert (row.reward_rate, row.card_name, row.annual_fee_minor, row.valid_from) == (2, "", 0, None)


def test_a_spreadsheets_byte_order_mark_and_line_ends_are_no_mistake() -> None:
    assert take(b"\xef\xbb\xbf" + csv_of(GOOD).replace("\n", "\r\n").encode(), "csv").created == 1


ROWS = csv_of("5812,network,,visa,Gold,1.5,points,95.50,2026-01-01,", "0742,network,,amex,Vet,4,cash,0,,")


def in_semicolons(text: str) -> str:
    return text.replace(",", ";").replace("1.5", "1,5").replace("95.50", "95,50")


SHEETS: dict[str, str | bytes] = {
    "commas": ROWS,
    "semicolons": in_semicolons(ROWS),
    "tabs": ROWS.replace(",", "\t"),
    "bars": ROWS.replace(",", "|"),
    "said": "sep=;\r\n" + in_semicolons(ROWS).replace("\n", "\r\n"),
    "said in quotes": '"sep=;"\n' + in_semicolons(ROWS),
    "said of tabs": "sep=\t\n" + ROWS.replace(",", "\t"),
    "said of commas, with more of them": "sep=,,,,\n" + ROWS,
    "trailing separators": "\n".join(f"{line},,," for line in ROWS.splitlines()),
    "trailing separators in the rows": "\n".join([HEADER, *(f"{line},," for line in ROWS.splitlines()[1:])]),
    "empty rows of separators": ROWS + ",,,,,,,,,\n,,,,,,,,,\n",
    "byte order mark": b"\xef\xbb\xbf" + ROWS.encode(),
    "byte order mark and sep": b"\xef\xbb\xbfsep=;\n" + in_semicolons(ROWS).encode(),
    "UTF-16 with tabs": ROWS.replace(",", "\t").encode("utf-16"),
    "UTF-16 big-endian": b"\xfe\xff" + ROWS.encode("utf-16-be"),
    "UTF-16 without a mark": ROWS.encode("utf-16-le"),
    "UTF-16 big-endian without a mark": ROWS.encode("utf-16-be"),
    "said in capitals": "SEP=;\r\n" + in_semicolons(ROWS).replace("\n", "\r\n"),
    "a header in quotes, with blanks and capitals": '"MCC", "Scope ",'
     '"Product","Network","Card Name","Reward\u00a0Rate",'
     '"REWARD-TYPE","Annual Fee","Valid From","Valid To"\n' + "\n".join(ROWS.splitlines()[1:]),
    "lost zeros": ROWS.replace("0742", "742"),
    "all cells in quotes": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in ROWS.splitlines()),
    "old Macintosh line ends": ROWS.replace("\n", "\r"),
}  # fmt: skip


@pytest.mark.parametrize("sheet", SHEETS)
def test_what_spreadsheets_write_is_read_where_its_meaning_is_plain(sheet: str) -> None:
    assert take(SHEETS[sheet], "csv").created == 2

    rows = RankingRow.objects.order_by("mcc").values_list("mcc", "card_name", "reward_rate", "annual_fee_minor")
    assert list(rows) == [("0742", "Vet", Decimal(4), 0), ("5812", "Gold", Decimal("1.5"), 9550)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Code;Karte\n5812;Gold\n", "Found were 1 columns between commas: 'code;karte'."),
        ("mcc;Karte\n5812;Gold\n", "Found were 2 columns between semicolons: 'mcc', 'karte'."),
        ("sep=;\n" + HEADER, "between semicolons"),
        (HEADER.replace(",", ";") + ";\n5812;network;;visa;;1;cash;;;;note\n", "a column that the first line does not"),
        ("sep=;\n" + in_semicolons(ROWS) + "5812;network;;x;;1;cash;;;\n", "line 5: network is 'x'"),
        (in_semicolons(ROWS) + "5812;network;;visa;;1.234,5;cash;;;\n", "line 4: reward_rate is '1.234,5'; it must be"),
        ("581,network,,visa,,1,cash,,,", "no column mcc"),
        (csv_of("581,network,,visa,,1,cash,,,"), "the MCC is '581'; it must be four digits"),
        ("sep=;", "has no column mcc"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_not_plain_is_refused_with_what_was_found(text: str, sentence: str) -> None:
    assert sentence in refusal(text)
    assert not RankingRow.objects.exists()


def test_names_that_look_alike_are_one_card() -> None:
    alike = GOOD.replace("Gold", "Go\u200bld")
    assert "line 3: the same card, MCC and first day as on line 2" in refusal(csv_of(GOOD, alike))
    take(csv_of(GOOD), "csv")
    assert take(csv_of(alike), "csv").unchanged == 1
