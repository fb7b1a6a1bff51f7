"""No secret of the environment is ever printed: a bad one is refused by its variable's name alone."""

import sys
from typing import Any

import pytest

from tests.support.starts import PRODUCTION, run, start

pytestmark = pytest.mark.only_in_proofs

MARK = "PLANTEDmarker7"
SECRETS = (
    "SECRET_KEY",
    "STRIPE_API_KEY",
    "STRIPE_WEBHOOK_SECRETS",
    "MARQETA_APPLICATION_TOKEN",
    "MARQETA_ADMIN_ACCESS_TOKEN",
    "MARQETA_JIT_PASSWORD",
    "MARQETA_WEBHOOK_PASSWORD",
    "MARQETA_WEBHOOK_SECRET",
    "METRICS_TOKEN",
    "CARD_DATA_KEYS",
)
BEFORE = {"STRIPE_API_KEY": "sk_live_", "STRIPE_WEBHOOK_SECRETS": "whsec_"}
URLS = {
    "DATABASE_URL": ("postgres://onecard:", "@db.internal:5432/onecard?sslmode=require"),
    "REDIS_URL": ("rediss://:", "@redis.internal:6379/0"),
    "CELERY_BROKER_URL": ("rediss://:", "@redis.internal:6379/0"),
    "EMAIL_URL": ("smtp+tls://mail:", "@mail.internal:587"),
    "STRIPE_API_BASE": ("https://user:", "@api.stripe.com"),
    "MARQETA_BASE_URL": ("https://user:", "@example-api.marqeta.com/v3/"),
}
# Each between two halves of the marker.
ODD = {"a line end": "\n", "a blank": " ", "a tab": "\t", "a bell": "\a", "a letter": "é", "a space of zero": "\u200b"}


def good(name: str) -> str:
    return f"{BEFORE.get(name, '')}Aa1!-{MARK}-Zt4kQw9sLm2xVb7nRc5yGh8pJ".replace(
        "!-", "!" if "MARQETA" in name else ""
    )


def assert_refused(variable: str, value: str) -> None:
    answer = start(base=PRODUCTION, **{variable: value})
    said = answer.stdout + answer.stderr
    assert answer.returncode != 0
    assert said.startswith("One Card cannot start: ")
    assert variable in said
    assert said.count("\n") == 1
    for part in (MARK, MARK[:7], MARK[-7:]):
        assert part not in said


@pytest.mark.some_in_suite(2)
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_cannot_be_one_is_refused_by_name(name: str) -> None:
    half, rest = MARK[:7], MARK[7:]
    kinds = [ODD[kind] for kind in ODD if not (name == "SECRET_KEY" and kind == "a blank")]
    for odd in kinds:
        assert_refused(name, good(name).replace(MARK, f"{half}{odd}{rest}"))
    for quote in ("'", '"'):
        assert_refused(name, f"{quote}{good(name)}{quote}")


@pytest.mark.some_in_suite(2)
@pytest.mark.parametrize("name", [name for name in SECRETS if name != "CARD_DATA_KEYS"])
def test_white_space_around_a_secret_is_cut(name: str) -> None:
    code = f"from django.conf import settings; v = settings.{name}; print(repr(v))"
    answer = start("shell", "--no-imports", "--command", code, base=PRODUCTION, **{name: f" \t{good(name)}\r\n"})
    assert answer.returncode == 0, answer.stderr
    value = good(name)
    assert answer.stdout.strip() == repr([value] if name == "STRIPE_WEBHOOK_SECRETS" else value)


@pytest.mark.some_in_suite(6)
@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize("password", [f"{MARK}]x", f"1?{MARK}", f"x#{MARK}", f"{MARK}\nx"])
def test_a_url_that_a_password_breaks_is_refused_by_name(name: str, password: str) -> None:
    before, after = URLS[name]
    assert_refused(name, f"{before}{password}{after}")


@pytest.mark.some_in_suite(3)
@pytest.mark.parametrize(
    "password", [f"x[{MARK}", f"{MARK}?x", f"1/{MARK}", f"{MARK}/x", f"{MARK} x", f"{MARK}é", f"{MARK}\\x", f'{MARK}"x']
)
def test_a_database_password_that_is_not_encoded_is_refused(password: str) -> None:
    before, after = URLS["DATABASE_URL"]
    assert_refused("DATABASE_URL", f"{before}{password}{after}")


@pytest.mark.some_in_suite(6)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"postgres://u:{MARK}@host:port/x"),
        ("DATABASE_URL", f"postgres://u:{MARK}@host:0/x"),
        ("DATABASE_URL", f"postgres://u:{MARK}@host:99999/x"),
        ("DATABASE_URL", f"postgres://u:{MARK}@host"),
        ("DATABASE_URL", f"postgres://u:{MARK}@host/x?sslmode"),
        ("DATABASE_URL", f"mysql://u:{MARK}@host/x"),
        ("REDIS_URL", f"redis://:{MARK}@host:6379/zero"),
        ("REDIS_URL", f"redis://:{MARK}@:6379/0"),
        ("EMAIL_URL", f"smtp+tls://u:{MARK}@host:port"),
        ("EMAIL_URL", f"ftp://u:{MARK}@host"),
        ("STRIPE_API_BASE", f"https://api.stripe.com/?key={MARK}"),
        ("STRIPE_API_BASE", f"https://{MARK}@api.stripe.com"),
        ("STRIPE_API_BASE", "https:///v1"),
        ("MARQETA_BASE_URL", f"https://example-api.marqeta.com/v3/#{MARK}"),
        # A secret in the wrong variable.
        ("ISSUER_PROVIDER", f"sk_live_{MARK}"),
        ("DECISION_DEADLINE_MS", f"sk_live_{MARK}"),
        ("DEBUG", f"sk_live_{MARK}"),
        ("MARQETA_CURRENCY", f"sk_live_{MARK}"),
        ("CASCADE_RETRIES_H", f"sk_live_{MARK}"),
        ("ALLOWED_HOSTS", f"sk_live_/{MARK}"),
        # django-environ once read this as the name of another variable, and said that one's name.
        ("SECRET_KEY", f"${MARK}"),
        ("DATABASE_URL", f"${MARK}"),
    ],
)
def test_a_value_that_is_wrong_in_another_way_is_not_repeated(name: str, value: str) -> None:
    assert_refused(name, value)


SERVERS: dict[str, list[str]] = {
    "web": [sys.executable, "-c", "import onecard.wsgi"],
    "worker": [sys.executable, "-m", "celery", "-A", "onecard.celery", "worker"],
    "beat": [sys.executable, "-m", "celery", "-A", "onecard.celery", "beat"],
    "relay": [sys.executable, "manage.py", "relay"],
}


@pytest.mark.some_in_suite(2)
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("name", "value"), [("DATABASE_URL", f"postgres://u:{MARK}]@h/x"), ("STRIPE_API_KEY", f"pk_live_{MARK}")]
)
def test_each_server_refuses_with_the_sentence_alone(server: str, name: str, value: str) -> None:
    answer = run(SERVERS[server], PRODUCTION | {name: value})
    said = answer.stdout + answer.stderr
    assert answer.returncode != 0
    assert "One Card cannot start: " in said
    assert name in said
    assert "Traceback" not in said
    assert MARK not in said


@pytest.mark.some_in_suite(1)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"postgres://u:{MARK}%5D@db.internal/x"),
        ("DATABASE_URL", f"postgres://u@db.internal/x?sslpassword={MARK}%5D"),
        ("REDIS_URL", f"rediss://redis.internal:6379/0?password={MARK}%5D"),
        ("EMAIL_URL", f"smtp+tls://u:{MARK}%5D@mail.internal:587"),
    ],
)
def test_a_password_inside_a_url_is_taken_out_of_later_messages(name: str, value: str) -> None:
    code = f"raise ValueError('cannot log in with {MARK}] nor {MARK}%5D')"
    answer = start("shell", "--no-imports", "--command", code, base=PRODUCTION, **{name: value})
    assert "cannot log in with [secret] nor [secret]" in answer.stderr
    assert MARK not in answer.stderr


def test_a_traceback_that_ends_a_process_holds_no_secret() -> None:
    code = "from django.conf import settings; raise ValueError(f'Invalid header Bearer {settings.STRIPE_API_KEY!r}')"
    answer: Any = start("shell", "--no-imports", "--command", code, base=PRODUCTION, STRIPE_API_KEY=f"sk_live_{MARK}")
    assert answer.returncode == 1
    assert "Invalid header" in answer.stderr
    assert MARK not in answer.stdout + answer.stderr
