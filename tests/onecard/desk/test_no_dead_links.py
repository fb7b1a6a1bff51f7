"""No dead link for anyone: every link of every kind of page leads, for each role, to a page that opens."""

import re
from functools import cache
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import Resolver404, resolve, reverse

from onecard.desk.open_links import only_open
from onecard.users.roles import ROLES
from tests.onecard.admin_pages import purchases
from tests.support.authenticators import Authenticator
from tests.support.back_office import logged_in, superuser, text_of
from tests.support.factories import CardProductFactory, UserFactory

pytestmark = pytest.mark.django_db
LEADS = re.compile(r"""<a\b[^>]*?\shref=["']([^"']+)["']|\shx-get=["']([^"']+)["']""")
# Of each kind of page so many are opened.
OF_A_KIND = 1
# They end the session.
LEFT_ALONE = ("/admin/logout/", "/admin/sign-out/")


def of_role(name: str) -> Client:
    clerk = UserFactory(is_staff=True, password=make_password("three blue tea cups"))
    clerk.groups.add(Group.objects.get(name=name))
    Authenticator.of(clerk)
    return logged_in(clerk)


@pytest.mark.only_in_proofs
@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ROLES)
def test_no_role_meets_a_dead_link(role: str) -> None:
    purchases(1)
    CardProductFactory()

    opened, dead = crawled(of_role(role))

    assert "\n".join(dead) == ""
    assert len(opened) > 40


def crawled(client: Client) -> tuple[set[str], list[str]]:
    """Follows links from the overview on; returns the kinds of pages that were opened, and what was refused where."""
    counts: dict[str, int] = {}
    dead: list[str] = []
    waiting = [("/admin/", "the start")]
    while waiting:
        page, found_on = waiting.pop(0)
        kind = kind_of(page)
        if counts.get(kind, 0) >= OF_A_KIND:
            continue
        counts[kind] = counts.get(kind, 0) + 1
        answer = client.get(page, follow=True)
        if answer.status_code != 200:
            dead.append(f"{answer.status_code}: {page}, a link on {found_on}")
            continue
        for link in (unescape(one or other) for one, other in LEADS.findall(text_of(answer))):
            target = urljoin(page, link)
            if urlsplit(target).path.startswith("/admin/") and urlsplit(target).path not in LEFT_ALONE:
                waiting.append((target, page))
    return set(counts), dead


@cache
def kind_of(page: str) -> str:
    """The name of the view, and whether something is asked of it."""
    parts = urlsplit(page)
    try:
        match = resolve(parts.path)
    except Resolver404:
        return parts.path
    return f"{match.view_name}{'?' if parts.query else ''}"


def test_a_link_that_leads_to_a_refusal_becomes_its_text() -> None:
    client = of_role("support")
    request = client.get("/admin/").wsgi_request
    posting, case = reverse("admin:wallet_posting_changelist"), reverse("admin:wallet_case_changelist")
    text = (
        f'<a class="oc-link" href="{case}?status=open">2 cases</a> <a class="oc-link" href="{posting}">Ledger</a > '
        f'<a class="oc-button" href="{posting}">Open it</a> <a href="/static/x">file</a>'
    )

    shown = only_open(request, text)

    assert shown == (
        f'<a class="oc-link" href="{case}?status=open">2 cases</a> <span>Ledger</span>  <a href="/static/x">file</a>'
    )


def test_who_may_not_reads_what_is_missing_and_whom_to_ask() -> None:
    boss = superuser()
    boss.first_name, boss.last_name = "Ada", "Lovelace"
    boss.save()

    shown = text_of(of_role("support").get(reverse("admin:wallet_posting_changelist")))

    assert "See: " in shown
    assert "wallet.view_posting" in shown
    assert "Operations, Risk, Finance, Auditor, Administrator" in shown
    assert f'Ada Lovelace, <a class="oc-link" href="mailto:{boss.email}"' in shown


def test_a_button_typed_into_the_address_names_the_right_to_it() -> None:
    purchases(1)
    from wallet.models import Case

    answer = of_role("support").get(reverse("admin:wallet_case_act", args=[Case.objects.latest("pk").pk, "resolve"]))

    assert answer.status_code == 403
    assert "wallet.change_case" in text_of(answer)
