"""A record becomes one line that a machine reads, with its ids, and without what may not be in a log."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.db import connection
from django.test import RequestFactory

from onecard.kit import log_context
from onecard.kit.redaction import protect
from onecard.logs.lines import LineFormatter

SECRET = "pa+ss/w@rd-8Rx"
CARD = "4242 4242 4242 4242"


class Written:
    """A logger that writes to memory as our processes write to their log."""

    def __init__(self, log_format: str) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(LineFormatter(log_format=log_format, release="v7"))
        self.logger = logging.getLogger("onecard.tests.lines")

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(params=["json"])
def written(request: pytest.FixtureRequest) -> Iterator[Written]:
    protect([SECRET])
    made = Written(request.param)
    made.logger.addHandler(made.handler)
    yield made
    made.logger.removeHandler(made.handler)


def test_a_line_says_when_where_what_and_of_which_purchase(written: Written) -> None:
    with log_context.fresh(request_id="r-1", event_id="evt_1", authorization_id="iauth_1"):
        written.logger.warning("it took %d ms", 7, extra={"route": "api:cards", "status": 200})

    (line,) = written.lines
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning", "logger": "onecard.tests.lines", "message": "it took 7 ms", "request_id": "r-1",
        "event_id": "evt_1", "authorization_id": "iauth_1", "release": "v7", "route": "api:cards", "status": 200,
    }  # fmt: skip


def test_an_exception_is_one_line_without_what_its_frames_held(written: Written) -> None:
    try:
        fail(f"no merchant {CARD}\nof ann@example.com with {SECRET}")
    except ValueError:
        written.logger.exception("odd: %s", "+49 170 1234567")

    assert written.text.count("\n") == 1
    (line,) = written.lines
    assert line["message"] == "odd: [phone]"
    assert line["exception"].endswith("ValueError: no merchant **** **** **** 4242\nof [e-mail] with [secret]")
    assert "test_lines.py" in line["exception"]
    assert "only in a frame" not in written.text


@pytest.mark.parametrize("written", ["json", "console"], indirect=True)
def test_no_value_of_a_line_shows_a_card_a_secret_or_a_person(written: Written) -> None:
    names = {"number": 4242424242424242, "said": ["ann@example.com", {CARD: SECRET}], "password": "hunter2", "cvc": 123}
    with log_context.fresh(request_id=CARD, event_id=f"evt {SECRET}", email="ann"):
        structlog.get_logger("onecard.tests.lines").warning(f"for {CARD}", object=object(), **names)
        written.logger.warning("%s", {"pan": CARD.replace(" ", "")})

    for hidden in (CARD, "4242424242424242", SECRET, "ann", "hunter2", "123"):
        assert hidden not in written.text, hidden
    assert written.text.count("4242") == 6
    assert len(written.text.splitlines()) == 2


def test_what_a_library_puts_on_a_record_is_left_out(written: Written) -> None:
    asked = RequestFactory().get("/cards/?name=Ann")
    written.logger.error("%s: %s", "Not Found", "/cards/", extra={"request": asked, "data": {"args": "Ann"}})

    assert "Ann" not in written.text
    assert written.lines[0]["message"] == "Not Found: /cards/"


@pytest.mark.django_db
def test_an_error_of_the_database_shows_no_row(written: Written) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE t (name text CHECK (length(name) < 3)); INSERT INTO t VALUES ('Ann Lee')")
    except Exception:
        written.logger.exception("not stored")

    assert "Failing row contains ([row])" in written.lines[0]["exception"]
    assert "'Ann Lee'" not in written.lines[0]["exception"].partition("Error:")[2]


def fail(sentence: str) -> None:
    _held = "only in a " + "frame"
    raise ValueError(sentence)


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("it has no name")


@pytest.mark.parametrize(("said", "arguments"), [("%d", ("x",)), ("%s", (Unspeakable(),)), ("%s %s", (CARD,))])
def test_a_line_that_cannot_be_formatted_says_so_and_ends_nothing(
    written: Written, said: str, arguments: tuple[Any, ...]
) -> None:
    # Past the logger, since the test framework's own handler ends at what cannot be formatted.
    written.handler.handle(logging.LogRecord("onecard.tests.lines", 30, __file__, 1, said, arguments, None))

    (line,) = written.lines
    assert (line["level"], line["logger"], line["release"]) == ("warning", "onecard.tests.lines", "v7")
    assert line["message"].startswith("A line of ")
    assert "test_lines.py" in line["message"]
    assert "4242" not in written.text


def test_celerys_repeated_traceback_is_written_once(written: Written) -> None:
    try:
        fail("went wrong")
    except ValueError:
        written.logger.exception("Task x[1] raised: went wrong\nTraceback (most recent call last):\n  a frame")

    assert written.text.count("Traceback (most recent call last)") == 1
    assert written.lines[0]["message"] == "Task x[1] raised: went wrong"


@pytest.mark.parametrize("written", ["console"], indirect=True)
def test_in_development_a_line_is_for_people(written: Written) -> None:
    with log_context.fresh(authorization_id="iauth_1"):
        written.logger.warning("it took %d ms", 7)

    assert "it took 7 ms" in written.text
    assert "authorization_id=iauth_1" in written.text
    assert "{" not in written.text
