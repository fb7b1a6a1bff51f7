"""Every page of a cardholder on one screen."""

from django.urls import path

from onecard.person.card import Freeze, Unfreeze
from onecard.person.home import Home
from onecard.person.login import EmailCode, LogIn, LogOut, SecondFactor
from onecard.person.preview import Preview
from onecard.person.purchases import Purchase, Purchases
from onecard.person.rewards import Rewards

app_name = "person"
urlpatterns = [
    path("", Home.as_view(), name="home"),
    path("card/<uuid:public_id>/freeze", Freeze.as_view(), name="freeze"),
    path("card/<uuid:public_id>/unfreeze", Unfreeze.as_view(), name="unfreeze"),
    path("purchases", Purchases.as_view(), name="purchases"),
    path("purchases/<str:purchase_id>", Purchase.as_view(), name="purchase"),
    path("which-card", Preview.as_view(), name="preview"),
    path("rewards", Rewards.as_view(), name="rewards"),
    path("login", LogIn.as_view(), name="login"),
    path("login/code", SecondFactor.as_view(), name="login-code"),
    path("login/email", EmailCode.as_view(), name="login-email"),
    path("logout", LogOut.as_view(), name="logout"),
]
