"""Every page of a cardholder on one screen."""

from django.urls import path

from onecard.person.account import Account
from onecard.person.auth.joining import AnotherCode, EmailCode, SignUp
from onecard.person.auth.login import LogIn, LogOut, PasskeyAlone, SecondFactor, SecondFactorPasskey
from onecard.person.auth.password import Forgotten, NewPassword
from onecard.person.cards.freezing import Freeze, Unfreeze
from onecard.person.cards.money import Limits, SpendsBalance, TopUp
from onecard.person.cards.ordering import Activate, Close, Order, Replace
from onecard.person.cards.rules import OneMerchant, RemoveRule, Rules, SingleUse
from onecard.person.disputes.requests import Dispute, Disputes, OpenDispute, Withdraw
from onecard.person.funding.adding import AddCard, Saved
from onecard.person.funding.earning import CardRewards
from onecard.person.funding.rule_trials import TryChange, TryOwnRule
from onecard.person.funding.rules import AddOwnRule, ChangeOwnRule, OwnRules, RemoveOwnRule
from onecard.person.funding.wallet import FundingCard, RemoveCard, Wallet
from onecard.person.home import Home
from onecard.person.it_was_me import ItWasMe
from onecard.person.month import MonthlyReport
from onecard.person.notices.feed import Notices, Settings
from onecard.person.onboarding.identity import Identity
from onecard.person.onboarding.profile import Profile, Terms
from onecard.person.onboarding.start import Start
from onecard.person.preview import Preview
from onecard.person.purchases import Purchase, Purchases
from onecard.person.rewards import Rewards
from onecard.person.security.fresh import Again, AgainByPasskey
from onecard.person.security.overview import EndAllSessions, EndSession, Security
from onecard.person.security.passkeys import AddPasskey, RemovePasskey
from onecard.person.security.password import ChangePassword
from onecard.person.security.second_factors import RecoveryCodes, RemoveApp, SetUpApp

app_name = "person"
urlpatterns = [
    path("", Home.as_view(), name="home"),
    path("start", Start.as_view(), name="start"),
    path("card/<uuid:public_id>/freeze", Freeze.as_view(), name="freeze"),
    path("card/<uuid:public_id>/unfreeze", Unfreeze.as_view(), name="unfreeze"),
    path("purchases", Purchases.as_view(), name="purchases"),
    path("purchases/<str:purchase_id>", Purchase.as_view(), name="purchase"),
    path("purchases/<str:purchase_id>/it-was-me", ItWasMe.as_view(), name="it-was-me"),
    path("which-card", Preview.as_view(), name="preview"),
    path("rewards", Rewards.as_view(), name="rewards"),
    path("rewards/month", MonthlyReport.as_view(), name="last-month"),
    path("rewards/month/<str:month>", MonthlyReport.as_view(), name="month"),
    # Getting started
    path("profile", Profile.as_view(), name="profile"),
    path("terms", Terms.as_view(), name="terms"),
    path("identity", Identity.as_view(), name="identity"),
    # The card
    path("card/ask", Order.as_view(), name="card-order"),
    path("card/<uuid:public_id>/activate", Activate.as_view(), name="card-activate"),
    path("card/<uuid:public_id>/limits", Limits.as_view(), name="card-limits"),
    path("card/<uuid:public_id>/rules", Rules.as_view(), name="card-rules"),
    path("card/<uuid:public_id>/rules/single-use", SingleUse.as_view(), name="card-single-use"),
    path("card/<uuid:public_id>/rules/one-merchant", OneMerchant.as_view(), name="card-one-merchant"),
    path("card/<uuid:public_id>/rules/<uuid:rule_id>/remove", RemoveRule.as_view(), name="card-rule-remove"),
    path("card/<uuid:public_id>/top-up", TopUp.as_view(), name="card-top-up"),
    path("card/<uuid:public_id>/balance", SpendsBalance.as_view(), name="card-balance"),
    path("card/<uuid:public_id>/replace", Replace.as_view(), name="card-replace"),
    path("card/<uuid:public_id>/close", Close.as_view(), name="card-close"),
    # The wallet
    path("wallet", Wallet.as_view(), name="wallet"),
    path("wallet/add", AddCard.as_view(), name="wallet-add"),
    path("wallet/added/<uuid:request_id>", Saved.as_view(), name="wallet-saved"),
    path("wallet/<uuid:public_id>", FundingCard.as_view(), name="wallet-card"),
    path("wallet/<uuid:public_id>/remove", RemoveCard.as_view(), name="wallet-remove"),
    path("wallet/<uuid:public_id>/rewards", CardRewards.as_view(), name="wallet-card-rewards"),
    path("wallet/rules", OwnRules.as_view(), name="own-rules"),
    path("wallet/rules/add", AddOwnRule.as_view(), name="own-rule-add"),
    path("wallet/rules/try", TryOwnRule.as_view(), name="own-rule-try"),
    path("wallet/rules/<uuid:public_id>/try", TryChange.as_view(), name="own-rule-try-change"),
    path("wallet/rules/<uuid:public_id>", ChangeOwnRule.as_view(), name="own-rule"),
    path("wallet/rules/<uuid:public_id>/remove", RemoveOwnRule.as_view(), name="own-rule-remove"),
    # Disputes
    path("purchases/<str:purchase_id>/dispute", OpenDispute.as_view(), name="dispute-open"),
    path("disputes", Disputes.as_view(), name="disputes"),
    path("disputes/<uuid:public_id>", Dispute.as_view(), name="dispute"),
    path("disputes/<uuid:public_id>/withdraw", Withdraw.as_view(), name="dispute-withdraw"),
    # Notices
    path("notices", Notices.as_view(), name="notices"),
    path("notices/settings", Settings.as_view(), name="notice-settings"),
    path("account", Account.as_view(), name="account"),
    # Joining and logging in
    path("sign-up", SignUp.as_view(), name="sign-up"),
    path("login", LogIn.as_view(), name="login"),
    path("login/passkey", PasskeyAlone.as_view(), name="login-passkey"),
    path("login/code", SecondFactor.as_view(), name="login-code"),
    path("login/code/passkey", SecondFactorPasskey.as_view(), name="login-code-passkey"),
    path("login/email", EmailCode.as_view(), name="login-email"),
    path("login/email/again", AnotherCode.as_view(), name="login-email-again"),
    path("login/again", Again.as_view(), name="login-again"),
    path("login/again/passkey", AgainByPasskey.as_view(), name="login-again-passkey"),
    path("logout", LogOut.as_view(), name="logout"),
    path("password/forgotten", Forgotten.as_view(), name="password-forgotten"),
    path("password/new", NewPassword.as_view(), name="password-new"),
    # The login of who is logged in
    path("security", Security.as_view(), name="security"),
    path("security/password", ChangePassword.as_view(), name="security-password"),
    path("security/app", SetUpApp.as_view(), name="security-app"),
    path("security/app/remove", RemoveApp.as_view(), name="security-app-remove"),
    path("security/recovery-codes", RecoveryCodes.as_view(), name="security-codes"),
    path("security/passkeys/add", AddPasskey.as_view(), name="security-passkey-add"),
    path("security/passkeys/<int:passkey_id>/remove", RemovePasskey.as_view(), name="security-passkey-remove"),
    path("security/sessions/<int:session_id>/end", EndSession.as_view(), name="security-session-end"),
    path("security/sessions/end", EndAllSessions.as_view(), name="security-sessions-end"),
]
