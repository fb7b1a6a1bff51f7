"""Every URL of the system on one screen."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from issuing.webhooks import StripeWebhook
from onecard import health

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("api/webhooks/stripe-issuing", StripeWebhook.as_view(), name="stripe-issuing-webhook"),
    path("stripe-webhook", StripeWebhook.as_view(), name="stripe-webhook"),
    path("health/live", health.live),
    path("health/ready", health.ready),
]
