"""Seeds move to the first key of the ring, and what cannot be opened is named."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Row
from django.core.management import CommandError, call_command

from onecard.second_factor import devices
from tests.support.authenticators import Authenticator
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db
OLD, NEW = b"o" * 31 + b"1", b"n" * 31 + b"2"


def test_after_the_rotation_the_old_key_is_not_needed(settings: Any) -> None:
    settings.SECOND_FACTOR_KEYS = (OLD,)
    user = UserFactory(is_staff=True)
    phone = Authenticator.of(user)
    before = Row.objects.get().data
    settings.SECOND_FACTOR_KEYS = (NEW, OLD)

    call_command("rotate_second_factor_keys")
    moved = Row.objects.get().data
    call_command("rotate_second_factor_keys")
    settings.SECOND_FACTOR_KEYS = (NEW,)

    assert moved != before
    assert Row.objects.get().data == moved
    assert devices.verify_code(user, phone.code())


def test_a_seed_that_no_key_opens_is_named_and_stays(settings: Any) -> None:
    settings.SECOND_FACTOR_KEYS = (OLD,)
    Authenticator.of(UserFactory(is_staff=True))
    before = Row.objects.get().data
    settings.SECOND_FACTOR_KEYS = (NEW,)

    with pytest.raises(CommandError, match="keep every key"):
        call_command("rotate_second_factor_keys")
    assert Row.objects.get().data == before
