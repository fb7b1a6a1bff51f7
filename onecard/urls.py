"""Every URL of the system on one screen, by who calls it: staff and cardholders, or the issuers."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView

from issuing.webhooks.marqeta import MarqetaWebhook
from issuing.webhooks.marqeta_gateway import MarqetaGateway
from issuing.webhooks.stripe import StripeWebhook
from onecard import health
from onecard.desk import my_account
from onecard.desk.forbidden import forbidden
from onecard.metrics.endpoint import metrics

DESK = [
    path("", include("onecard.person.urls")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", include("onecard.second_factor.urls")),
    path("admin/", include("onecard.desk.urls")),
    path("admin/my-account/", admin.site.admin_view(my_account.my_account), name="my-account"),
    path("admin/language/", my_account.choose_language, name="choose-language"),
    path("admin/", admin.site.urls),
    path("funding-card-saved", TemplateView.as_view(template_name="wallet/card_saved.html"), name="funding-card-saved"),
    path("api/", include("onecard.api.urls")),
]
DOORS = [
    path("api/webhooks/stripe-issuing", StripeWebhook.as_view(), name="stripe-issuing-webhook"),
    path("stripe-webhook", StripeWebhook.as_view(), name="stripe-webhook"),
    path("api/webhooks/marqeta", MarqetaWebhook.as_view(), name="marqeta-webhook"),
    path("api/webhooks/marqeta/jit", MarqetaGateway.as_view(), name="marqeta-gateway"),
]
EVERYWHERE = [
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics),
]
# A process of its own for the doors is not slowed by what staff do (ONECARD_ROLE, docs/deployment.md).
urlpatterns = {
    "all": [*DESK, *DOORS, *EVERYWHERE],
    "desk": [*DESK, *EVERYWHERE],
    "doors": [*DOORS, *EVERYWHERE],
}[settings.ONECARD_ROLE]
handler403 = forbidden
