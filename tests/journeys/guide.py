"""The example of the TypeScript client while it runs: what it prints, and what it waits for."""

import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from onecard.dev import node_packages

ANSWER_WITHIN_S: Final = 20.0
REQUEST: Final = re.compile(r"((?:GET|POST|PUT|PATCH|DELETE) \S+) (\d{3})")


class Play:
    """One run of example/guide.ts; `said` has what it printed so far."""

    def __init__(self, program: "subprocess.Popen[str]") -> None:
        assert program.stdin
        assert program.stdout
        self.said: list[str] = []
        self._input = program.stdin
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(program.stdout,), daemon=True)
        self._reader.start()

    def wait_for(self, question: str) -> None:
        """Waits until the example asks for this."""
        while not (line := self._next()).startswith(f"? {question}"):
            assert not line.startswith("? "), self.text

    def answer(self, text: str = "") -> None:
        self._input.write(f"{text}\n")
        self._input.flush()

    def finish(self) -> None:
        """Waits until it has printed everything."""
        while (line := self._lines.get(timeout=ANSWER_WITHIN_S)) is not None:
            self.said.append(line)

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    @property
    def requests(self) -> list[tuple[str, int]]:
        """Each request that it made, such as GET /api/v1/kyc, with the status of its answer."""
        found = (REQUEST.fullmatch(line) for line in self.said)
        return [(each[1], int(each[2])) for each in found if each]

    def _next(self) -> str:
        try:
            line = self._lines.get(timeout=ANSWER_WITHIN_S)
        except queue.Empty:
            raise AssertionError(f"the example has said nothing for {ANSWER_WITHIN_S:.0f} s:\n{self.text}") from None
        assert line is not None, f"the example has ended:\n{self.text}"
        self.said.append(line)
        return line

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


@contextmanager
def playing(url: str, email: str) -> Iterator[Play]:
    """Runs the compiled example in Node for a new person; ends exactly that process. Raises LauncherError."""
    node_packages.build()
    command = ["node", "dist/example/guide.js", url, email]
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(
        command, cwd=node_packages.CLIENT, stdin=pipe, stdout=pipe, stderr=both, text=True, encoding="utf-8"
    ) as program:
        try:
            yield Play(program)
        finally:
            program.kill()
