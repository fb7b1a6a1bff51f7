"""Staff make a person, their wallet and their card from nothing in a real browser, and the purchase is charged."""

from typing import Any

import pytest

from issuing.models import VirtualCard
from onecard.demo.purchase import simulate
from onecard.kit.money import Money
from tests.onecard.dev.processes import eventually
from tests.sandbox.running import RunningSandbox
from tests.support.authenticators import Authenticator
from tests.support.back_office import superuser
from tests.support.browser import Browser, browser
from wallet.models import FundingMethod

PASSWORD = "three blue tea cups"
GRACE = {
    "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", "birth_date": "1985-12-09",
    "phone": "+12125550123", "address_line1": "1 Navy Yard", "address_city": "New York", "address_state": "NY",
    "address_postal_code": "10001",
}  # fmt: skip


@pytest.fixture
def _plain_http(settings: Any, our_server: str) -> None:
    """The tests' server has no TLS, and its address is its own."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    settings.PUBLIC_URL = our_server


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("_plain_http")
def test_staff_make_a_person_and_the_purchase_goes_through(our_server: str, sandbox: RunningSandbox) -> None:
    staff = superuser()
    staff.set_password(PASSWORD)
    staff.save()
    phone = Authenticator.of(staff)
    with browser() as tab:
        log_in(tab, our_server, staff.get_username(), phone)
        make_person(tab)
        approve(tab)
        add_funding_card(tab)
        card = make_card(tab)

        report = simulate(
            mcc="5812", amount=Money(4500, "USD"), merchant="Bella Italia", card_id=card.issuer_card_id, wait_s=20,
            waiting=lambda _what, _seconds: None,
        )  # fmt: skip

        assert report.issuer_approved
        assert report.charge is not None
        assert (report.charge.status, report.charge.method.last_four) == ("succeeded", "4242")
        tab.click("Authorizations")
        assert "Bella Italia" in tab.text()


def log_in(tab: Browser, server: str, name: str, phone: Authenticator) -> None:
    tab.open(f"{server}/admin/")
    tab.fill(login=name, password=PASSWORD)
    tab.click("Log in")
    tab.fill(code=phone.fresh_code())
    tab.click("Sign In")
    assert "Overview" in tab.text()


def make_person(tab: Browser) -> None:
    tab.click("Wallets")
    tab.click("New person")
    tab.fill(**GRACE)
    tab.tick("terms")
    tab.click("Make the person")
    tab.click("Submit for the check")
    tab.click("Submit")
    assert "It waits under Identity checks." in tab.text()


def approve(tab: Browser) -> None:
    tab.click("Identity checks")
    tab.click("Grace Hopper")
    tab.click("Approve")
    assert "Grace" in tab.text()
    tab.fill(reason="Passport seen in person.")
    tab.click("Approve")
    assert "Verified" in tab.text()


def add_funding_card(tab: Browser) -> None:
    """Staff make the page at the processor, and the person saves their card there."""
    tab.click("Grace Hopper")
    wallet = tab.url()
    tab.click("Add a funding card")
    tab.click("Make the page")
    address = str(tab.look("document.querySelector('a code').textContent"))
    tab.open(address)
    tab.click("Save card")
    assert "Thank you" in tab.text()
    assert eventually(lambda: FundingMethod.objects.filter(last_four="4242", cardholder__name="Grace Hopper").exists())
    tab.open(wallet)
    assert "Visa •••• 4242" in tab.text()


def make_card(tab: Browser) -> VirtualCard:
    tab.click("New virtual card")
    tab.click("Make the card")
    tab.click("Activate")
    tab.click("Activate")
    assert eventually(lambda: VirtualCard.objects.get(cardholder__name="Grace Hopper").status == "active")
    return VirtualCard.objects.get(cardholder__name="Grace Hopper")
