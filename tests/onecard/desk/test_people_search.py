"""Staff find a person by whatever the person says on the phone."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from onecard.desk.people_search import find_people
from tests.support.factories import CardholderFactory, FundingMethodFactory, UserFactory, VirtualCardFactory
from wallet.models import Cardholder

pytestmark = pytest.mark.django_db


@pytest.fixture
def grace() -> Cardholder:
    found: Cardholder = CardholderFactory(
        name="Grace Hopper", legal_first_name="Grace Brewster", legal_last_name="Hopper", phone="+12125550123",
        processor_customer_id="cus_Grace1", user=UserFactory(email="g.hopper@navy.example"),
    )  # fmt: skip
    return found


@pytest.fixture(autouse=True)
def _others() -> None:
    CardholderFactory.create_batch(3, phone="+4930123456")


@pytest.mark.parametrize(
    "text",
    [
        "Grace", "grace hopper", "HOPPER grace", "opper", "  Grace   Hopper ", "\uff27race",
        "g.hopper@navy.example", "G.HOPPER@navy", "navy.example", "cus_Grace1",
    ],
)  # fmt: skip
def test_finds_a_person_by_name_address_or_customer_id(grace: Cardholder, text: str) -> None:
    assert find_people(text) == [grace]


@pytest.mark.parametrize(
    "text",
    [
        "+12125550123", "+1 (212) 555-0123", "001 212 555 0123", "1-212-555-0123", "(212) 555-0123", "212.555.0123",
        "212/555 01 23", "0212 5550123", "50123", "555\u20110123",
    ],
)  # fmt: skip
def test_finds_a_phone_number_in_any_form(grace: Cardholder, text: str) -> None:
    assert find_people(text) == [grace]


def test_finds_a_person_by_the_last_four_of_either_card(grace: Cardholder) -> None:
    VirtualCardFactory(cardholder=grace, last_four="9911")
    FundingMethodFactory(cardholder=grace, last_four="4242")
    other = FundingMethodFactory(last_four="4242").cardholder
    assert find_people("9911") == [grace]
    assert set(find_people("4242")) == {grace, other}
    assert find_people("hopper 4242") == [grace]
    assert find_people("hopper 9912") == []


def test_four_digits_may_belong_to_the_name() -> None:
    studio = CardholderFactory(name="Studio 1143")
    assert find_people("studio 1143") == [studio]


def test_of_a_whole_card_number_only_the_last_four_count(grace: Cardholder) -> None:
    FundingMethodFactory(cardholder=grace, last_four="4242")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert find_people("4242 4242 4242 4242") == [grace]
    assert not any("424242" in each["sql"] for each in asked.captured_queries)


def test_finds_a_person_by_the_public_id(grace: Cardholder) -> None:
    assert find_people(str(grace.public_id)) == [grace]
    assert find_people(str(uuid.uuid4())) == []


@pytest.mark.parametrize(
    "text", ["", "   ", "%", "_", "\x00", "0123", "123", "---", "'; DROP TABLE", "x" * 5000, "1" * 300]
)
def test_what_describes_nobody_finds_nobody(grace: Cardholder, text: str) -> None:
    assert find_people(text) == []


def test_a_person_is_found_once_and_no_more_than_asked(grace: Cardholder) -> None:
    CardholderFactory.create_batch(5, name="Grace Kelly", legal_last_name="Kelly")
    assert len(find_people("grace", limit=4)) == 4
    assert len(find_people("grace")) == 6


def test_a_search_takes_few_statements(grace: Cardholder) -> None:
    with CaptureQueriesContext(connection) as asked:
        find_people("grace")
    assert len(asked) <= 5
