"""The plan, the proxies and the report of `make chaos`; test_chaos_invariants.py has the statements."""

import contextlib
import math
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from onecard.dev.errors import LauncherError
from onecard.dev.ports import HOST, free_port
from tests.proofs.chaos.invariants import Broken, Invariant, read_invariants
from tests.proofs.chaos.load import Seen
from tests.proofs.chaos.network import Network, network
from tests.proofs.chaos.plan import FAULTS, MEANING, Fault, draw
from tests.proofs.chaos.recovery import Recovery, bound_s, measure
from tests.proofs.chaos.report import Met, Report, lines, percentile
from tests.proofs.chaos.said import Answer, Window
from tests.proofs.purchases.quiet import Mending


def test_a_plan_follows_from_its_seed() -> None:
    assert draw(7, seconds=1200) == draw(7, seconds=1200)
    assert draw(7, seconds=1200) != draw(8, seconds=1200)


@pytest.mark.parametrize("seed", range(20))
def test_each_part_and_then_each_of_its_faults_takes_its_turn(seed: int) -> None:
    plan = draw(seed, seconds=6000)
    parts = [fault.part for fault in plan]
    assert all(set(parts[start : start + len(FAULTS)]) == set(FAULTS) for start in range(0, 32, len(FAULTS)))
    assert {(fault.part, fault.kind) for fault in plan} == {(part, kind) for part in FAULTS for kind in FAULTS[part]}
    assert {kind for kinds in FAULTS.values() for kind in kinds} == MEANING.keys()


@pytest.mark.parametrize("seconds", [40.0, 120.0, 1200.0])
def test_no_fault_overlaps_another_or_outlasts_the_run(seconds: float) -> None:
    plan = draw(3, seconds=seconds)
    ends = [fault.at_s + fault.duration_s for fault in plan]
    assert all(end < fault.at_s for end, fault in zip(ends, plan[1:], strict=False))
    assert ends[-1] <= seconds


@pytest.mark.parametrize("arguments", [["--seconds", "0"], ["--rate", "0"], ["--threads", "0"]])
def test_a_senseless_run_is_refused_before_anything_starts(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("prove_chaos", *arguments)


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that says again what it hears."""

    def answer(caller: socket.socket) -> None:
        with caller, contextlib.suppress(OSError):
            while part := caller.recv(4096):
                caller.sendall(part)

    def serve(listener: socket.socket) -> None:
        try:
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
        except OSError:
            return

    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield f"{HOST}:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def net(echo: str, port: int) -> Iterator[Network]:
    with network({"web": (port, echo)}) as made:
        yield made


def call(port: int) -> socket.socket:
    caller = socket.create_connection((HOST, port), timeout=5)
    caller.settimeout(0.3)
    return caller


def hear(caller: socket.socket, said: bytes) -> tuple[bytes, float]:
    started = time.monotonic()
    caller.sendall(said)
    heard = b""
    while len(heard) < len(said):
        heard += caller.recv(4096)
    return heard, time.monotonic() - started


@pytest.mark.only_in_proofs
def test_a_proxy_passes_on_and_then_slows(net: Network, port: int) -> None:
    with call(port) as caller:
        assert hear(caller, b"one")[0] == b"one"
        net.behave("web", "slow", 100)
        assert hear(caller, b"two")[1] >= 0.2
        net.behave("web", "throttle", 400)
        caller.settimeout(5)
        assert hear(caller, b"x" * 200)[1] >= 0.5


@pytest.mark.only_in_proofs
def test_what_is_sent_into_silence_arrives_at_its_end(net: Network, port: int) -> None:
    with call(port) as caller:
        hear(caller, b"one")
        net.behave("web", "mute")
        caller.sendall(b"two")
        with pytest.raises(TimeoutError):
            caller.recv(10)
        with call(port) as other:
            other.sendall(b"new")
            net.behave("web", "open")
            caller.settimeout(5)
            other.settimeout(5)
            assert (caller.recv(10), other.recv(10)) == (b"two", b"new")


@pytest.mark.only_in_proofs
def test_a_cut_resets_and_refuses_until_it_is_open_again(net: Network, port: int) -> None:
    with call(port) as caller:
        hear(caller, b"one")
        net.behave("web", "cut")
        with pytest.raises(ConnectionResetError):
            caller.recv(10)
    with pytest.raises(ConnectionRefusedError):
        call(port)
    net.behave("web", "open")
    with call(port) as caller:
        assert hear(caller, b"two")[0] == b"two"


@pytest.mark.only_in_proofs
def test_what_is_asked_arrives_and_the_answer_is_lost(net: Network, port: int) -> None:
    with call(port) as caller, call(port) as quiet:
        hear(caller, b"one")
        net.behave("web", "lose")
        caller.sendall(b"two")
        with pytest.raises(TimeoutError):
            caller.recv(10)
        net.behave("web", "open")
        with pytest.raises(ConnectionResetError):
            caller.recv(10)
        assert hear(quiet, b"new")[0] == b"new"


@pytest.mark.only_in_proofs
def test_proxies_that_are_gone_are_no_success(net: Network) -> None:
    with pytest.raises(LauncherError):
        net.behave("web", "nonsense")


def test_a_process_that_does_no_work_again_has_not_recovered() -> None:
    found = measure({"web": lambda _since: True, "relay": lambda _since: False}, since=time.time(), within_s=0.5)
    assert found.failed == ["relay"]


@pytest.mark.parametrize(("started_in_s", "bound"), [(10.0, 90.0), (60.0, 120.0)])
def test_a_machine_that_starts_slowly_may_recover_slowly(started_in_s: float, bound: float) -> None:
    assert bound_s(started_in_s) == bound


@pytest.mark.parametrize(("share", "found"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_the_nearest_rank(share: float, found: int) -> None:
    assert percentile([float(each) for each in range(100, 0, -1)], share) == found
    assert math.isnan(percentile([], share))


def answer(approved: bool | None, *, error: str = "", fault: str = "", hidden: bool = False) -> Answer:
    return Answer("stripe", "evt_1", "iauth_1", False, 0.0, 12.0, 200, error, approved, "", fault, hidden)


HOLDS = Invariant("ledger", ("I1",), "All is well.", "SELECT 1 WHERE false")


def report(**changes: object) -> Report:
    fault = Fault(5.0, "web", "kill", 2.0)
    met = Met(fault, "web", 0.0, 2.0, Recovery({"web": 1.0}))
    answers = [answer(True), answer(False), answer(None, error="timeout", fault="front cut", hidden=True)]
    made = Report(
        seen=Seen(lives=Counter(captured=1)),
        met=[met],
        answers=answers,
        mending=Mending(),
        came_to_rest=True,
        invariants=[HOLDS],
        broken=[],
        rows={},
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_good_run_says_what_happened_during_which_fault() -> None:
    said = "\n".join(lines(report()))
    assert not report().wrong
    assert "web kill" in said
    assert "1 of 1 invariants hold." in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("broken", [Broken(HOLDS, 3, ((1, 2),))]),
        ("came_to_rest", False),
        ("answers", []),
        ("answers", [answer(True), answer(None, error="timeout")]),
        ("mending", Mending(task_failures=Counter(charge=1))),
        ("met", [Met(Fault(5.0, "web", "kill", 2.0), "web", 0.0, 2.0, Recovery({"relay": None}))]),
    ],
)
def test_each_thing_that_is_wrong_fails_the_run(name: str, value: object) -> None:
    assert len(report(**{name: value}).wrong) == 1


@pytest.mark.parametrize(
    ("part", "kind", "hides"),
    [("front", "cut", True), ("sandbox", "silence", True), ("sandbox", "cut", False), ("web", "kill", False)],
)
def test_only_a_fault_of_the_issuer_or_its_road_excuses_us(part: str, kind: str, hides: bool) -> None:
    assert Fault(5.0, part, kind, 2.0).hides_us is hides
    window = Window("a fault", 10.0, 20.0, hides_us=hides)
    assert [window.hid_us_at(each) for each in (7.0, 9.0, 19.0, 20.0)] == [False, hides, hides, False]


def test_a_statement_without_its_rule_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.sql").write_text("-- Nothing.\nSELECT 1;\n")
    with pytest.raises(ValueError, match=r"bad\.sql"):
        read_invariants(tmp_path)
