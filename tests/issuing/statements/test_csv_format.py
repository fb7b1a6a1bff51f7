"""Files of banks: what can be read is read, and everything else is a sentence with its line."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuing.statements.csv_format import MOST_BYTES, MOST_LINES, Form, Line, StatementError, read

TODAY = dt.date(2026, 11, 29)
POINTS = Form("USD", in_money=False, today=TODAY)
MONEY = Form("USD", in_money=True, today=TODAY)
DAY = dt.date(2026, 11, 3)
DINNER = Line(DAY, 4500, 180_000_000)


@pytest.mark.parametrize(
    "content",
    [
        b"date,amount,reward\n2026-11-03,45.00,180\n",
        b"Transaction Date,Description,Amount,Points\n11/03/2026,4111 1111 1111 1111,45.00,180\n",
        b"\xef\xbb\xbfdate;amount;reward\r\n03.11.2026;45,00;180\r\n\r\n",
        "date\tamount\treward\r\n2026-11-03\t$45.00\t180\r\n".encode("utf-16"),
        b"sep=|\ndate|amount|reward\n2026-11-03| 45 |180.0\n",
        b'"date","amount","reward"\n"2026-11-03","$ 45.00","180"',
        b"date,amount,reward,\n2026-11-03,-45.00,180,\n",
        b"Date,Post Date,Amount,Cashback\n2026-11-03,2026-11-05,(45.00),180\n",
    ],
)
def test_files_as_banks_write_them_are_read(content: bytes) -> None:
    assert read(content, POINTS) == [DINNER]


def test_money_counts_in_hundredths_and_thousands_are_read() -> None:
    content = b'date,amount,reward\n2026-11-03,45.00,1.80\n2026-11-03,-45.00,-1.80\n2026-11-03,"1,234.50",\n'
    assert read(content, MONEY) == [
        DINNER,
        Line(DAY, -4500, -180_000_000),
        Line(DAY, 123_450, 0),
    ]
    german = b"Datum;Betrag;Bonus\n03.11.2026;1.234,50;1,80\n"
    assert read(german, MONEY) == [Line(DAY, 123_450, 180_000_000)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"date,amount\n2026-11-03,45.00\n", "no column reward"),
        (b"date,amount,reward,points\n", "more than one column for reward"),
        (b"date,amount,reward\n", "no lines"),
        (b"date,amount,reward\n2026-11-03,45.00\n", "line 2: it has 2 values"),
        (b"date,amount,reward\n2026-11-03,=1+1,180\n", "line 2: the amount is '=1+1'"),
        (b"date,amount,reward\n2026-11-03,@SUM(A1),180\n", "the amount is '@SUM(A1)'"),
        (b"date,amount,reward\n2026-11-03,45.005,180\n", "no amount of USD"),
        (b"date,amount,reward\n2026-11-03,1e9,180\n", "the amount is '1e9'"),
        (b"date,amount,reward\n2026-11-03,NaN,180\n", "the amount is 'NaN'"),
        (b"date,amount,reward\n2026-11-03,999999999999999,180\n", "no amount of USD"),
        (b"date,amount,reward\n2026-11-03,45.00,9999999999\n", "cannot be counted"),
        (b"date,amount,reward\n2026-02-30,45.00,180\n", "the date is '2026-02-30'"),
        (b"date,amount,reward\n2036-11-03,45.00,180\n", "in the future"),
        (b"date,amount,reward\n1999-11-03,45.00,180\n", "older than ten years"),
        (b"date,amount,reward\n3 Nov 2026,45.00,180\n", "write it like 2026-01-31"),
        ("date,amount,reward\n2026-11-03,٤٥,180\n".encode(), "the amount is"),
        (b"date,amount,reward\n2026-11-03,4111111111111111,180\n", "the amount is"),
        (b'sep="\ndate,amount,reward\n', "no column date"),
        (b"\xff\xd8\xff\xe0 a picture", "not UTF-8"),
        (b"a,b\x00\x00\n1,2\n", "no text"),
        (b"x" * (MOST_BYTES + 1), "larger than 1 MB"),
        (b"date,amount,reward\n" + b"2026-11-03,1,1\n" * (MOST_LINES + 1), "more than 5,000 lines"),
        (b'date,amount,reward\n"' + b"x" * 200_000 + b"\n", "not CSV"),
    ],
)
def test_what_is_no_statement_is_refused_with_a_sentence(content: bytes, words: str) -> None:
    with pytest.raises(StatementError) as refused:
        read(content, POINTS)
    assert words in refused.value.message
    assert "4111111111111111" not in refused.value.message
    assert len(refused.value.message) < 400


def test_every_mistake_is_named_with_its_line() -> None:
    content = b"date,amount,reward\n2026-11-03,x,180\n2026-11-03,45.00,180\n" + b"bad,1,1\n" * 30
    with pytest.raises(StatementError) as refused:
        read(content, POINTS)
    assert "line 2: the amount is 'x'" in refused.value.message
    assert "line 4: the date is 'bad'" in refused.value.message
    assert "and 11 more" in refused.value.message


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_there_are_lines_or_a_sentence(content: bytes) -> None:
    lines, words = [], ""
    try:
        lines = read(b"date,amount,reward\n" + content, POINTS)
    except StatementError as error:
        words = error.message
    assert bool(lines) != bool(words)
