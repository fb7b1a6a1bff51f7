"""A loop that is late reads what has come before it gives up."""

import asyncio
import socket
import time

import pytest

from onecard.kit.patient_timer import give_up_after


def test_what_came_while_the_loop_was_late_counts() -> None:
    async def steps() -> bytes:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            answer: asyncio.Future[bytes] = loop.create_future()
            loop.add_reader(ours, lambda: answer.done() or answer.set_result(ours.recv(10)))
            timer = give_up_after(0.01, answer, TimeoutError())
            theirs.send(b"in time")
            time.sleep(0.1)  # The loop is late.
            try:
                return await answer
            finally:
                timer.cancel()
                loop.remove_reader(ours)

    assert asyncio.run(steps()) == b"in time"


def test_what_does_not_come_is_given_up() -> None:
    async def steps() -> None:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        give_up_after(0.01, answer, TimeoutError())
        await answer

    with pytest.raises(TimeoutError):
        asyncio.run(steps())
