"""The sandbox as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.sandbox.marqeta.world import load_program
from tests.sandbox.settings import MarqetaSettings, Settings
from tests.sandbox.world import WorldError, load_world

pytestmark = pytest.mark.only_in_proofs

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {
    **os.environ,
    "DEBUG": "on",
    "ONECARD_STACK_FILE": "",
    "DATABASE_URL": "postgres://localhost/unused",
    "STRIPE_API_KEY": "sk_test_command",
    "STRIPE_WEBHOOK_SECRETS": "whsec_first,whsec_second",
}


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A child that is started ignores no interrupt, also where the tests run in a shell's background, which does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_command_serves_and_stops_cleanly(stop: signal.Signals) -> None:
    words = [sys.executable, "manage.py", "sandbox", "--port", "0", "--webhook-url", "http://127.0.0.1:9/"]
    with subprocess.Popen(words, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[3].rstrip(",")
            headers = {"Authorization": "Bearer sk_test_command"}
            assert requests.get(f"{url}/v1/issuing/cards", headers=headers, timeout=5).status_code == 200
            process.send_signal(stop)
            assert process.wait(5) == 0
        finally:
            process.kill()


def test_command_speaks_marqeta_with_the_credentials_of_the_settings() -> None:
    words = [sys.executable, "manage.py", "sandbox", "--port", "0", "--webhook-url", "http://127.0.0.1:9/"]
    words += ["--marqeta-gateway-url", "http://127.0.0.1:9/jit", "--marqeta-webhook-url", "http://127.0.0.1:9/events"]
    environment = {**ENVIRONMENT, "MARQETA_APPLICATION_TOKEN": "", "MARQETA_ADMIN_ACCESS_TOKEN": ""}
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[3].rstrip(",")
            program = MarqetaSettings()
            auth = (program.application_token, program.admin_access_token)
            path = "fundingsources/programgateway/sandbox_gateway_source"
            source = requests.get(f"{url}/v3/{path}", auth=auth, timeout=5)
            assert source.json()["url"] == "http://127.0.0.1:9/jit"
            assert requests.get(f"{url}/v3/webhooks", auth=auth, timeout=5).json()["count"] == 1
        finally:
            process.kill()


def test_sandbox_needs_no_django_and_no_product() -> None:
    program = (
        "import sys; import tests.sandbox.running; "
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('django', 'issuing', 'routing', 'wallet', 'audit', 'celery')])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"issuing_balance_minor": 1, "cardholder": {}}'])
def test_bad_world_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "world.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WorldError, match=str(path)):
        load_world(path)
    with pytest.raises(WorldError):
        load_world(tmp_path / "missing.json")


def test_demo_world_is_the_default() -> None:
    state = load_world(Settings(api_key="k", webhook_secret="s", webhook_url=None).world)
    assert list(state.objects["issuing.card"]) == ["ic_1S769SQLFtcEJSwHLTAnsvQe"]
    assert len(state.objects["payment_method"]) == 4
    assert state.issuing_balance == 100_000_000


@pytest.mark.parametrize("part", ["[]", '{"user": {}}', '{"user": {"token": "u"}, "card_product": 3}', "3"])
def test_bad_marqeta_world_is_named(tmp_path: Path, part: str) -> None:
    path = tmp_path / "world.json"
    path.write_text(f'{{"marqeta": {part}}}', encoding="utf-8")
    with pytest.raises(WorldError, match=str(path)):
        load_program(path, MarqetaSettings())


def test_world_without_marqeta_has_endpoints_and_nobody(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text("{}", encoding="utf-8")
    state = load_program(path, MarqetaSettings(webhook_url="http://127.0.0.1:9/"))
    assert [kind for kind, things in state.things.items() if things] == ["gatewaysource", "webhook"]
