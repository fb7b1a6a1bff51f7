"""Waiting longer each time, and not all at once."""

from onecard.kit.backoff import backoff_s


def test_the_delay_doubles_to_an_hour_with_half_of_it_by_chance() -> None:
    assert [backoff_s(n, jitter=lambda: 1.0) for n in (1, 2, 3, 20)] == [2, 4, 8, 3600]
    assert backoff_s(1, jitter=lambda: 0.0) == 1
