"""Threads that do what was handed to them, and how they end."""

import threading

import pytest

from tests.sandbox.workers import Workers

pytestmark = pytest.mark.only_in_proofs


def test_the_job_being_done_at_the_end_is_waited_for() -> None:
    workers, begun, ended = Workers(count=1), threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        ended.wait(0.2)
        ended.set()

    workers.submit(job)
    assert begun.wait(5)
    workers.stop()
    assert ended.is_set()


def test_no_job_is_taken_up_after_the_end() -> None:
    workers, done = Workers(count=1), threading.Event()
    workers.stop()
    workers.submit(done.set)
    workers.later(0, done.set)
    assert not done.wait(0.2)
