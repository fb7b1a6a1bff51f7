"""Card data under an old key, and the change of keys (`rotate_card_keys`) that meets the faults."""

import base64
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.test import override_settings

from issuing.card_data.vault import store_card_data
from issuing.models import VirtualCard
from onecard.dev.errors import LauncherError
from onecard.dev.stack import MANAGE
from tests.sandbox.card_numbers import number_ending

CODE: Final = "123"
TRIED_FOR_S: Final = 120.0


def keys_in(values: Mapping[str, str]) -> list[bytes]:
    """Returns the keys of the product's settings, the one that seals first."""
    return [base64.b64decode(each) for each in values["CARD_DATA_KEYS"].split(",")]


def seal_numbers(keys: Sequence[bytes]) -> None:
    """Stores a number and a code for each card, sealed with the first of these keys."""
    with override_settings(STORE_CARD_DATA=True, CARD_DATA_KEYS=list(keys)):
        for card in VirtualCard.objects.all():
            store_card_data(card, number=number_ending(card.last_four), cvv=CODE, actor="system:proof")


@dataclass(slots=True)
class KeyChange:
    """The command, begun again until it comes to its end, as a person would."""

    environment: Mapping[str, str]
    tries: int = 0
    _thread: threading.Thread | None = None
    _done: threading.Event = field(default_factory=threading.Event)
    _given_up: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """In a thread of its own; once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run)
            self._thread.start()

    def finish(self) -> None:
        """Waits until it is done; raises LauncherError."""
        self.begin()
        if not self._done.wait(TRIED_FOR_S):
            self._given_up.set()
            raise LauncherError(f"rotate_card_keys did not come to its end in {self.tries} tries.")

    def _run(self) -> None:
        command = [*MANAGE, "rotate_card_keys"]
        while not self._given_up.is_set():
            self.tries += 1
            done = subprocess.run(command, env=dict(self.environment), capture_output=True, check=False)
            if not done.returncode:
                self._done.set()
                return
            self._given_up.wait(1.0)
