"""Every address of the frontend API on one screen."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from onecard.api import problem_page, problems
from onecard.api.cards.reveal import RevealToken

V1 = [
    path("v1/cards/<uuid:public_id>/reveal-token", RevealToken.as_view(), name="card-reveal-token"),
]
urlpatterns = [
    *V1,
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("docs/problems", problem_page.show, name="api-problems"),
    re_path(r"^v1/", problems.not_found),
]
