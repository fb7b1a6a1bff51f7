"""How the back office looks and what its sidebar lists. Every asset comes from this server, none from outside."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy

from onecard.kit.words import Words


def _room(title: Words, icon: str, model: str, **more: Any) -> dict[str, Any]:
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


def _copying(request: HttpRequest) -> str:
    return static("onecard/copy.js")


def _time_zone(request: HttpRequest) -> str:
    return static("onecard/timezone.js")


def _icon(request: HttpRequest) -> str:
    return static("onecard/favicon.svg")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "One Card",
    "SITE_HEADER": "One Card",
    "SITE_SUBHEADER": gettext_lazy("Back office"),
    "SITE_SYMBOL": "credit_card",
    "SITE_URL": "",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "onecard.dashboard.kind_of_money",
    "DASHBOARD_CALLBACK": "onecard.dashboard.add_overview",
    "STYLES": [_stylesheet],
    "SCRIPTS": [_copying, _time_zone],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "BORDER_RADIUS": "6px",
    "ACCOUNT": {
        "navigation": [
            {"title": gettext_lazy("My account"), "link": reverse_lazy("my-account")},
            {"title": gettext_lazy("Change password"), "link": reverse_lazy("account_change_password")},
            {"title": gettext_lazy("My second factor"), "link": reverse_lazy("mfa_index")},
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
        "show_search": True,
        "command_search": True,
        "navigation": [
            {
                "items": [
                    {"title": gettext_lazy("Overview"), "icon": "dashboard", "link": reverse_lazy("admin:index")},
                    {
                        "title": gettext_lazy("Live"),
                        "icon": "stream",
                        "link": reverse_lazy("desk:live"),
                        "permission": _may_view("issuing", "authorization"),
                    },
                    {
                        "title": gettext_lazy("Health"),
                        "icon": "monitor_heart",
                        "link": reverse_lazy("desk:health"),
                        "permission": _may_view("issuing", "issuercontrol"),
                    },
                    _room(
                        gettext_lazy("Alerts"),
                        "notifications_active",
                        "alerts.incident",
                        badge="onecard.alerts.admin.unresolved_badge",
                    ),
                    {
                        "title": gettext_lazy("Customers"),
                        "icon": "person_search",
                        "link": reverse_lazy("desk:people"),
                        "permission": _may_view("wallet", "cardholder"),
                    },
                ]
            },
            {
                "title": gettext_lazy("Purchases"),
                "items": [
                    _room(gettext_lazy("Authorizations"), "receipt_long", "issuing.authorization"),
                    _room(
                        gettext_lazy("Cases"),
                        "support",
                        "wallet.case",
                        badge="wallet.admin.cases.open_case_badge",
                    ),
                    _room(gettext_lazy("Entered amounts"), "group_add", "wallet.enteredamount"),
                    _room(
                        gettext_lazy("Fraud hooks"),
                        "policy",
                        "issuing.fraudverdict",
                        link=reverse_lazy("admin:issuing_fraudverdict_hooks"),
                    ),
                ],
            },
            {
                "title": gettext_lazy("Funding"),
                "items": [
                    _room(gettext_lazy("Obligations"), "request_quote", "wallet.fundingobligation"),
                    _room(gettext_lazy("Charges"), "payments", "wallet.fundingcharge"),
                    _room(
                        gettext_lazy("Rewards"),
                        "redeem",
                        "issuing.rewardentry",
                        link=reverse_lazy("admin:issuing_rewardentry_totals"),
                    ),
                    _room(gettext_lazy("Refunds"), "undo", "wallet.fundingrefund"),
                    _room(gettext_lazy("Carried amounts"), "low_priority", "wallet.carriedamount"),
                    _room(gettext_lazy("Disputes of our charges"), "report", "wallet.fundingdispute"),
                ],
            },
            {
                "title": gettext_lazy("Ledger"),
                "items": [
                    _room(
                        gettext_lazy("Accounts"),
                        "account_tree",
                        "wallet.posting",
                        link=reverse_lazy("admin:wallet_posting_accounts"),
                    ),
                    _room(gettext_lazy("Top-ups and payouts"), "account_balance", "wallet.owntransfer"),
                    _room(gettext_lazy("Postings"), "menu_book", "wallet.posting", active=_is_among_postings),
                ],
            },
            {
                "title": gettext_lazy("Cards"),
                "items": [
                    _room(gettext_lazy("Wallets"), "wallet", "wallet.cardholder"),
                    _room(gettext_lazy("Identity checks"), "verified_user", "wallet.kycreview"),
                    _room(gettext_lazy("Virtual cards"), "credit_card", "issuing.virtualcard"),
                    _room(gettext_lazy("Transactions"), "swap_horiz", "issuing.cardtransaction"),
                    _room(gettext_lazy("Dispute requests"), "rate_review", "issuing.disputerequest"),
                    _room(gettext_lazy("Disputes"), "gavel", "issuing.dispute"),
                    _room(gettext_lazy("Money put on cards"), "savings", "issuing.cardfunding"),
                    _room(gettext_lazy("Card changes"), "published_with_changes", "issuing.cardchange"),
                    _room(gettext_lazy("Card products"), "style", "wallet.cardproduct"),
                ],
            },
            {
                "title": gettext_lazy("Issuers"),
                "items": [
                    _room(gettext_lazy("Issuers"), "account_balance", "issuing.issuercontrol"),
                    _room(gettext_lazy("Rollout"), "toggle_on", "issuing.rollout"),
                    _room(gettext_lazy("Syncs"), "sync", "issuing.syncrun"),
                    _room(gettext_lazy("Differences"), "difference", "issuing.syncdifference"),
                    _room(gettext_lazy("Reconciliations"), "fact_check", "issuing.reconcilerun"),
                ],
            },
            {
                "title": gettext_lazy("Guard"),
                "items": [
                    _room(gettext_lazy("Controls"), "shield", "issuing.control"),
                    _room(gettext_lazy("Control previews"), "preview", "issuing.controlpreview"),
                    _room(gettext_lazy("“It was me”"), "how_to_reg", "issuing.controlpass"),
                ],
            },
            {
                "title": gettext_lazy("Routing rules"),
                "items": [
                    _room(gettext_lazy("Rankings"), "leaderboard", "routing.rankingrow"),
                    _room(gettext_lazy("Reward terms"), "redeem", "routing.rewardterms"),
                    _room(gettext_lazy("Bonuses"), "stars", "routing.rewardbonus"),
                    _room(gettext_lazy("Reward programmes"), "loyalty", "routing.rewardprogramme"),
                    _room(gettext_lazy("Reward categories"), "sell", "routing.rewardcategory"),
                    _room(gettext_lazy("Merchant lists"), "storefront", "routing.merchantlist"),
                    _room(gettext_lazy("Ranking drafts"), "edit_note", "routing.rankingdraft"),
                    _room(gettext_lazy("Personal rules"), "rule", "routing.personalrule"),
                    _room(gettext_lazy("Merchant categories"), "category", "routing.merchantcategory"),
                    _room(gettext_lazy("Multipliers"), "close", "routing.preferencemultiplier"),
                    _room(gettext_lazy("Thresholds"), "tune", "routing.threshold"),
                    _room(gettext_lazy("Processor accounts"), "account_balance_wallet", "wallet.processoraccount"),
                    _room(gettext_lazy("Likelihood to pay"), "casino", "routing.methododds"),
                    _room(gettext_lazy("Card statements"), "receipt_long", "issuing.cardstatement"),
                ],
            },
            {
                "title": gettext_lazy("Evidence"),
                "items": [
                    _room(gettext_lazy("Inbox"), "inbox", "issuing.issuerevent"),
                    _room(gettext_lazy("Outbox"), "outbox", "outbox.message"),
                    _room(gettext_lazy("Holds"), "lock_clock", "issuing.hold"),
                    _room(gettext_lazy("Spend windows"), "calendar_month", "issuing.spendwindow"),
                    _room(gettext_lazy("Old documents"), "inventory_2", "issuing.legacydocument"),
                    _room(gettext_lazy("Audit trail"), "history", "audit.entry"),
                ],
            },
            {
                "title": gettext_lazy("People"),
                "items": [
                    _room(gettext_lazy("Logins"), "person", "users.user"),
                    _room(gettext_lazy("Notices"), "notifications", "notices.notice"),
                    _room(gettext_lazy("Webhook endpoints"), "webhook", "integrations.endpoint"),
                    _room(gettext_lazy("Webhook deliveries"), "send", "integrations.delivery"),
                    _room(gettext_lazy("Groups"), "group", "auth.group"),
                    {
                        "title": gettext_lazy("My second factor"),
                        "icon": "phonelink_lock",
                        "link": reverse_lazy("mfa_index"),
                    },
                ],
            },
        ],
    },
}
