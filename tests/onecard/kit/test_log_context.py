"""Ids stand in the lines of their own request, task or purchase, and in no other's."""

import threading

from onecard.kit import log_context

ASKED = {"provider": "stripe", "event_id": "evt_1", "authorization_id": "iauth_1"}


def test_a_question_is_bound_as_its_three_ids_and_taken_along() -> None:
    log_context.bind_request("r-1")
    log_context.bind_question(*ASKED.values())
    log_context.bind(customer_id="c-1", event_id="")

    assert log_context.bound() == {"request_id": "r-1", "customer_id": "c-1", **ASKED}
    assert log_context.carried() == {"request_id": "r-1", **ASKED}


def test_what_is_bound_in_a_block_ends_with_it_even_by_an_error() -> None:
    log_context.bind(request_id="r-1")
    try:
        with log_context.scope():
            log_context.bind(event_id="evt_1")
            with log_context.fresh(event_id="evt_2"):
                assert log_context.bound() == {"event_id": "evt_2"}
            assert log_context.bound() == {"request_id": "r-1", "event_id": "evt_1"}
            raise ValueError  # noqa: TRY301
    except ValueError:
        assert log_context.bound() == {"request_id": "r-1"}


def test_another_thread_has_none_of_it() -> None:
    log_context.bind_question(*ASKED.values())
    found: list[dict[str, str]] = []
    thread = threading.Thread(target=lambda: found.append(log_context.bound()))
    thread.start()
    thread.join()

    assert found == [{}]


def test_a_card_number_is_not_taken_along() -> None:
    log_context.bind(event_id="4242424242424242")
    assert log_context.carried() == {"event_id": "************4242"}
