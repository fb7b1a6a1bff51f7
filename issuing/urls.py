"""What /api/v1/cards/ leads to."""

from django.urls import path

from issuing.card_data.api import RevealToken

urlpatterns = [
    path("<uuid:public_id>/reveal-token", RevealToken.as_view(), name="card-reveal-token"),
]
