"""How the back office looks and what its sidebar lists. Every asset comes from this server, none from outside."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def _room(title: str, icon: str, model: str, **more: Any) -> dict[str, Any]:
    """A link of the sidebar, shown to those who may view the model (app.model)."""
    app, name = model.split(".")
    link = reverse_lazy(f"admin:{app}_{name}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": _may_view(app, name), **more}


def _may_view(app: str, name: str) -> Callable[[HttpRequest], bool]:
    def allowed(request: HttpRequest) -> bool:
        return request.user.has_perm(f"{app}.view_{name}") or request.user.has_perm(f"{app}.change_{name}")

    return allowed


def _is_among_postings(request: HttpRequest) -> bool:
    """Accounts lie below Postings, and only one of the two is where one is."""
    return request.path.startswith("/admin/wallet/posting/") and not request.path.endswith("/accounts/")


def _stylesheet(request: HttpRequest) -> str:
    return static("onecard/backoffice.css")


def _icon(request: HttpRequest) -> str:
    return static("onecard/favicon.svg")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "One Card",
    "SITE_HEADER": "One Card",
    "SITE_SUBHEADER": "Back office",
    "SITE_SYMBOL": "credit_card",
    "SITE_URL": "",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "onecard.dashboard.kind_of_money",
    "DASHBOARD_CALLBACK": "onecard.dashboard.add_overview",
    "STYLES": [_stylesheet],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "BORDER_RADIUS": "6px",
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("account_change_password")},
            {"title": "My second factor", "link": reverse_lazy("mfa_index")},
        ]
    },
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
    "SIDEBAR": {
        "navigation": [
            {
                "items": [
                    {"title": "Overview", "icon": "dashboard", "link": reverse_lazy("admin:index")},
                    {
                        "title": _("Customers"),
                        "icon": "person_search",
                        "link": reverse_lazy("desk:people"),
                        "permission": _may_view("wallet", "cardholder"),
                    },
                ]
            },
            {
                "title": "Purchases",
                "items": [
                    _room("Authorizations", "receipt_long", "issuing.authorization"),
                    _room(
                        "Cases",
                        "support",
                        "wallet.case",
                        badge="wallet.admin.cases.open_case_badge",
                    ),
                    _room("Entered amounts", "group_add", "wallet.enteredamount"),
                ],
            },
            {
                "title": "Funding",
                "items": [
                    _room("Obligations", "request_quote", "wallet.fundingobligation"),
                    _room("Charges", "payments", "wallet.fundingcharge"),
                    _room(
                        "Rewards",
                        "redeem",
                        "issuing.rewardentry",
                        link=reverse_lazy("admin:issuing_rewardentry_totals"),
                    ),
                    _room("Refunds", "undo", "wallet.fundingrefund"),
                    _room("Carried amounts", "low_priority", "wallet.carriedamount"),
                    _room("Disputes of our charges", "report", "wallet.fundingdispute"),
                ],
            },
            {
                "title": "Ledger",
                "items": [
                    _room(
                        "Accounts",
                        "account_tree",
                        "wallet.posting",
                        link=reverse_lazy("admin:wallet_posting_accounts"),
                    ),
                    _room("Postings", "menu_book", "wallet.posting", active=_is_among_postings),
                ],
            },
            {
                "title": "Cards",
                "items": [
                    _room("Wallets", "wallet", "wallet.cardholder"),
                    _room("Identity checks", "verified_user", "wallet.kycreview"),
                    _room("Virtual cards", "credit_card", "issuing.virtualcard"),
                    _room("Transactions", "swap_horiz", "issuing.cardtransaction"),
                    _room("Dispute requests", "rate_review", "issuing.disputerequest"),
                    _room("Disputes", "gavel", "issuing.dispute"),
                    _room("Money put on cards", "savings", "issuing.cardfunding"),
                    _room("Card changes", "published_with_changes", "issuing.cardchange"),
                    _room("Card products", "style", "wallet.cardproduct"),
                ],
            },
            {
                "title": "Issuers",
                "items": [
                    _room("Issuers", "account_balance", "issuing.issuercontrol"),
                    _room("Rollout", "toggle_on", "issuing.rollout"),
                    _room("Syncs", "sync", "issuing.syncrun"),
                    _room("Differences", "difference", "issuing.syncdifference"),
                    _room("Reconciliations", "fact_check", "issuing.reconcilerun"),
                ],
            },
            {
                "title": "Routing rules",
                "items": [
                    _room("Rankings", "leaderboard", "routing.rankingrow"),
                    _room("Merchant categories", "category", "routing.merchantcategory"),
                    _room("Multipliers", "close", "routing.preferencemultiplier"),
                    _room("Thresholds", "tune", "routing.threshold"),
                ],
            },
            {
                "title": "Evidence",
                "items": [
                    _room("Inbox", "inbox", "issuing.issuerevent"),
                    _room("Outbox", "outbox", "outbox.message"),
                    _room("Holds", "lock_clock", "issuing.hold"),
                    _room("Spend windows", "calendar_month", "issuing.spendwindow"),
                    _room("Old documents", "inventory_2", "issuing.legacydocument"),
                    _room("Audit trail", "history", "audit.entry"),
                ],
            },
            {
                "title": "People",
                "items": [
                    _room("Logins", "person", "users.user"),
                    _room("Notices", "notifications", "notices.notice"),
                    _room("Webhook endpoints", "webhook", "integrations.endpoint"),
                    _room("Webhook deliveries", "send", "integrations.delivery"),
                    _room("Groups", "group", "auth.group"),
                    {"title": "My second factor", "icon": "phonelink_lock", "link": reverse_lazy("mfa_index")},
                ],
            },
        ],
    },
}
