"""A process begins its collector of cycles once its apps are ready, whatever its entry point is."""

import sys

import pytest

from tests.support.starts import SAFE, run, start

SAY = "import gc; print('collects', gc.isenabled(), gc.get_freeze_count() > 100_000)"
# As Celery's worker, clock and commands import what they run.
OF_THE_QUEUE = "import onecard.celery; onecard.celery.app.loader.import_default_modules(); "


def test_a_command_collects_from_then_on() -> None:
    assert start("shell", "-v", "0", "-c", SAY).stdout == "collects True True\n"


@pytest.mark.parametrize("entry", ["import onecard.wsgi; ", OF_THE_QUEUE])
def test_a_server_collects_from_then_on(entry: str) -> None:
    done = run([sys.executable, "-c", entry + SAY], SAFE | {"ONECARD_STACK_FILE": ""})
    assert done.stdout == "collects True True\n", done.stderr


def test_nothing_is_collected_before() -> None:
    say = "import gc, onecard.start; print('collects', gc.isenabled())"
    assert run([sys.executable, "-c", say], SAFE).stdout == "collects False\n"


def test_who_imports_it_later_is_left_as_it_is() -> None:
    say = "import django; django.setup(); import onecard.start, gc; print('collects', gc.isenabled())"
    environment = SAFE | {"ONECARD_STACK_FILE": "", "DJANGO_SETTINGS_MODULE": "onecard.settings"}
    assert run([sys.executable, "-c", say], environment).stdout == "collects True\n"
