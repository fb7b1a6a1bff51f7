"""Every answer is as the OpenAPI document says, and none is a fault, whatever schemathesis sends.

The suite asks one in a few operations a few times, drawn from a seed that it prints; `make contract` asks all.
"""

import contextlib
import os
import random
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup

from tests.onecard.api.answers import faults
from tests.onecard.api.asking import ask, places, undone
from tests.onecard.api.document import Operation, document, operations
from tests.onecard.api.world import Somebody

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3600)]
SEED = int(os.environ.get("CONTRACT_SEED") or random.randrange(2**32))
EVERY = int(os.environ.get("CONTRACT_EVERY", "6"))
EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "3"))
SHARES = int(os.environ.get("CONTRACT_SHARES", "1"))
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
# What is wrong in a field is refused by its name (test_bad_input.py); an empty parameter is one that is not given.
CHECKED = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "missing_required_header", "unsupported_method", "allow_header_conformance",
)  # fmt: skip


@pytest.fixture
def app() -> Iterator[Any]:
    """The product as a WSGI server calls it, in the test's own connection."""
    for each in (signals.request_started, signals.request_finished):
        each.disconnect(close_old_connections)
    product = get_wsgi_application()
    yield lambda environ, start: product(environ | {"REMOTE_ADDR": "203.0.113.9"}, start)
    for each in (signals.request_started, signals.request_finished):
        each.connect(close_old_connections)


def test_each_operation_answers_its_own_example_as_described(owner: Somebody) -> None:
    wrong = []
    for operation in operations():
        for place in (None, *places(operation)):
            with undone():
                wrong += faults(operation, ask(owner, operation, owner.ids, place=place))

    assert not wrong, "\n".join(wrong)


@pytest.mark.only_in_proofs
@pytest.mark.parametrize("share", range(SHARES))
def test_no_request_gets_what_the_document_does_not_say(share: int, owner: Somebody, app: Any) -> None:
    load_all_checks()
    found = Findings(owner, app)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for operation, described in sampled(described_operations())[share::SHARES]:
            found.ask_all(operation, described)

    print(f"CONTRACT_SEED={SEED} CONTRACT_EVERY={EVERY} CONTRACT_EXAMPLES={EXAMPLES}: asked {found.asked} times")
    assert found.asked
    assert not found.wrong, "\n\n".join(found.wrong.values())


class Findings:
    """Asks what schemathesis makes up, as one person, and keeps the first fault of each kind."""

    def __init__(self, owner: Somebody, app: Any) -> None:
        self.owner, self.app = owner, app
        self.asked = 0
        self.wrong: dict[Any, str] = {}
        self._error = ""

    def ask_all(self, operation: Operation, described: Any) -> None:
        """Valid and invalid requests, with ids of one's own and with others."""
        own = {place.name: self.owner.ids[place.kind] for place in places(operation) if place.where == "path"}
        for mode in MODES:
            for ids in (own, None) if own else (None,):
                self._generated(operation, described.as_strategy(mode, path_parameters=ids))

    def _generated(self, operation: Operation, cases: Any) -> None:
        @hypothesis.seed(SEED)
        @settings(
            max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=cases)
        def run(case: Any) -> None:
            self._ask(operation, case)

        # There may be nothing wrong to send, as to a GET without parameters.
        with contextlib.suppress(Unsatisfiable):
            run()

    def _ask(self, operation: Operation, case: Any) -> None:
        self.asked += 1
        signals.got_request_exception.connect(self._note)
        try:
            with undone():
                answer = case.call(app=self.app, headers={"X-Session-Token": self.owner.app.token})
        finally:
            signals.got_request_exception.disconnect(self._note)
        try:
            case.validate_response(answer, checks=[CHECKS.get_one(name) for name in CHECKED])
        except FailureGroup as group:
            for failure in group.exceptions:
                self._keep(operation, case, answer, failure)

    def _keep(self, operation: Operation, case: Any, answer: Any, failure: Exception) -> None:
        what = f"{answer.status_code} {type(failure).__name__}: {failure}"
        words = f"{operation} {what[:600]}\n{case.as_curl_command()[:1200]}\n{self._error}"
        self.wrong.setdefault((operation, type(failure), answer.status_code), words)

    def _note(self, **_signal: Any) -> None:
        self._error = repr(sys.exc_info()[1])[:300]


def described_operations() -> list[tuple[Operation, Any]]:
    """Each operation, and as schemathesis reads it."""
    ours = {(each.method, each.path): each for each in operations()}
    found = [each.ok() for each in schemathesis.openapi.from_dict(document()).get_all_operations()]
    return [(ours[each.method, each.path], each) for each in found]


def sampled(what: Iterable[Any]) -> list[Any]:
    """One in EVERY of these."""
    found = list(what)
    return found if EVERY == 1 else random.Random(SEED).sample(found, -(-len(found) // EVERY))
