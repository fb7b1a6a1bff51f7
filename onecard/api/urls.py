"""Every address of the frontend API on one screen."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from onecard.api import problem_page, problems
from onecard.api.activity.it_was_me import ItWasMe
from onecard.api.activity.monthly_report import MonthlyReport
from onecard.api.activity.preview import RoutingPreview
from onecard.api.activity.purchases import Purchase, Purchases
from onecard.api.activity.rewards import Rewards
from onecard.api.activity.transactions import Transactions
from onecard.api.cards.actions import Activate, Close, Freeze, Replace, Unfreeze
from onecard.api.cards.cards import Card, Cards
from onecard.api.cards.controls import CardControl, CardControls
from onecard.api.cards.limits import CardLimits
from onecard.api.cards.reveal import RevealToken
from onecard.api.cards.top_ups import TopUps
from onecard.api.disputes.evidence import Evidence
from onecard.api.disputes.requests import Dispute, Disputes, PurchaseDisputes, Withdrawal
from onecard.api.funding.cards import FundingCard, FundingCardOrder, FundingCards
from onecard.api.funding.products import CardProducts
from onecard.api.funding.rules import Rule, Rules, RuleTrial
from onecard.api.funding.setups import FundingCardSetups
from onecard.api.funding.statements import Statements
from onecard.api.funding.wallet import Wallet
from onecard.api.notices.feed import NotificationRead, Notifications, NotificationsReadAll
from onecard.api.notices.settings import NotificationSettings
from onecard.api.onboarding.kyc import Kyc
from onecard.api.onboarding.profile import Profile, Terms
from onecard.api.webhooks.deliveries import WebhookDeliveries, WebhookDelivery, WebhookReplay
from onecard.api.webhooks.endpoints import WebhookEndpoint, WebhookEndpoints, WebhookRotation, WebhookTest

ENDPOINT = "v1/webhook-endpoints/<uuid:public_id>"
V1 = [
    # Joining and logging in
    path("v1/auth/", include("onecard.api.auth.urls")),
    # Onboarding
    path("v1/profile", Profile.as_view(), name="profile"),
    path("v1/profile/terms", Terms.as_view(), name="profile-terms"),
    path("v1/kyc", Kyc.as_view(), name="kyc"),
    # Activity
    path("v1/purchases", Purchases.as_view(), name="purchases"),
    path("v1/purchases/<str:purchase_id>", Purchase.as_view(), name="purchase"),
    path("v1/purchases/<str:purchase_id>/it-was-me", ItWasMe.as_view(), name="purchase-it-was-me"),
    path("v1/transactions", Transactions.as_view(), name="transactions"),
    path("v1/rewards", Rewards.as_view(), name="rewards"),
    path("v1/rewards/monthly", MonthlyReport.as_view(), name="rewards-monthly"),
    path("v1/routing/preview", RoutingPreview.as_view(), name="routing-preview"),
    # Funding cards
    path("v1/wallet", Wallet.as_view(), name="wallet"),
    path("v1/card-products", CardProducts.as_view(), name="card-products"),
    path("v1/wallet/rules", Rules.as_view(), name="personal-rules"),
    path("v1/wallet/rules/try", RuleTrial.as_view(), name="personal-rule-trial"),
    path("v1/wallet/rules/<uuid:public_id>", Rule.as_view(), name="personal-rule"),
    path("v1/funding-cards", FundingCards.as_view(), name="funding-cards"),
    path("v1/funding-cards/setups", FundingCardSetups.as_view(), name="funding-card-setups"),
    path("v1/funding-cards/order", FundingCardOrder.as_view(), name="funding-card-order"),
    path("v1/funding-cards/<uuid:public_id>", FundingCard.as_view(), name="funding-card"),
    path("v1/funding-cards/<uuid:public_id>/statements", Statements.as_view(), name="funding-card-statements"),
    # Disputes
    path("v1/purchases/<str:purchase_id>/disputes", PurchaseDisputes.as_view(), name="purchase-disputes"),
    path("v1/disputes", Disputes.as_view(), name="disputes"),
    path("v1/disputes/<uuid:public_id>", Dispute.as_view(), name="dispute"),
    path("v1/disputes/<uuid:public_id>/evidence", Evidence.as_view(), name="dispute-evidence"),
    path("v1/disputes/<uuid:public_id>/withdraw", Withdrawal.as_view(), name="dispute-withdraw"),
    # Notices
    path("v1/notifications", Notifications.as_view(), name="notifications"),
    path("v1/notifications/read-all", NotificationsReadAll.as_view(), name="notifications-read-all"),
    path("v1/notifications/<uuid:public_id>/read", NotificationRead.as_view(), name="notification-read"),
    path("v1/notification-settings", NotificationSettings.as_view(), name="notification-settings"),
    # Webhooks of people
    path("v1/webhook-endpoints", WebhookEndpoints.as_view(), name="webhook-endpoints"),
    path(ENDPOINT, WebhookEndpoint.as_view(), name="webhook-endpoint"),
    path(f"{ENDPOINT}/rotate-secret", WebhookRotation.as_view(), name="webhook-rotate-secret"),
    path(f"{ENDPOINT}/test", WebhookTest.as_view(), name="webhook-test"),
    path(f"{ENDPOINT}/deliveries", WebhookDeliveries.as_view(), name="webhook-deliveries"),
    path(f"{ENDPOINT}/deliveries/<uuid:delivery_id>", WebhookDelivery.as_view(), name="webhook-delivery"),
    path(f"{ENDPOINT}/deliveries/<uuid:delivery_id>/replay", WebhookReplay.as_view(), name="webhook-replay"),
    # Virtual cards
    path("v1/cards", Cards.as_view(), name="cards"),
    path("v1/cards/<uuid:public_id>", Card.as_view(), name="card"),
    path("v1/cards/<uuid:public_id>/activate", Activate.as_view(), name="card-activate"),
    path("v1/cards/<uuid:public_id>/freeze", Freeze.as_view(), name="card-freeze"),
    path("v1/cards/<uuid:public_id>/unfreeze", Unfreeze.as_view(), name="card-unfreeze"),
    path("v1/cards/<uuid:public_id>/close", Close.as_view(), name="card-close"),
    path("v1/cards/<uuid:public_id>/replace", Replace.as_view(), name="card-replace"),
    path("v1/cards/<uuid:public_id>/limits", CardLimits.as_view(), name="card-limits"),
    path("v1/cards/<uuid:public_id>/controls", CardControls.as_view(), name="card-controls"),
    path("v1/cards/<uuid:public_id>/controls/<uuid:control_id>", CardControl.as_view(), name="card-control"),
    path("v1/cards/<uuid:public_id>/top-ups", TopUps.as_view(), name="card-top-ups"),
    path("v1/cards/<uuid:public_id>/reveal-token", RevealToken.as_view(), name="card-reveal-token"),
]
urlpatterns = [
    *V1,
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("docs/problems", problem_page.show, name="api-problems"),
    re_path(r"^v1/", problems.not_found),
]
