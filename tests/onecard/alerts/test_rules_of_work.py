"""Work that stands still wakes somebody: the outbox, and charges without an outcome."""

import pytest

from onecard.kit import clock
from onecard.outbox import services as outbox
from onecard.outbox.models import Message
from tests.onecard.alerts.conftest import Duty

pytestmark = pytest.mark.django_db


def test_an_outbox_that_nobody_empties(duty: Duty) -> None:
    message = outbox.put(topic="funding.requested", charge_id=1)
    duty.assert_quiet()
    duty.pass_time(minutes=3)

    incident = duty.assert_woken_once("outbox_waits", words="the oldest for 3 min")

    Message.objects.filter(pk__gte=message.pk).update(published_at=clock.now())
    duty.assert_resolved_by_itself(incident)
