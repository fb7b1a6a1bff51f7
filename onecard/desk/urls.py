"""The addresses of the desk, below /admin/."""

from django.contrib import admin
from django.urls import path
from django.views.decorators.cache import never_cache

from onecard.desk import person_buttons, saved_filters, views
from onecard.desk.controls.page import control_report, control_report_file
from onecard.desk.exports.views import export
from onecard.desk.health import page as health
from onecard.desk.health.check_now import check_now as check_registration
from onecard.desk.live import views as live
from onecard.desk.search.views import search

app_name = "desk"
PERSON = "people/<uuid:public_id>/"
urlpatterns = [
    path("health/", health.health, name="health"),
    path("health/items/", health.health_items, name="health-items"),
    path("health/check/<slug:provider>/", check_registration, name="check-registration"),
    path("live/", live.live, name="live"),
    path("live/rows/", live.live_rows, name="live-rows"),
    # In the place of Unfold's own, which its script asks.
    path("search/", admin.site.admin_view(never_cache(search)), name="search"),
    path("lists/<slug:app>/<slug:name>/save-filter/", admin.site.admin_view(saved_filters.save), name="save-filter"),
    path("lists/filters/<int:key>/delete/", admin.site.admin_view(saved_filters.delete), name="delete-filter"),
    path("lists/<slug:app>/<slug:name>/export/", admin.site.admin_view(export), name="export"),
    path("controls/<int:key>/report/", control_report, name="control-report"),
    path("controls/<int:key>/report/export/", control_report_file, name="control-report-file"),
    path("people/", views.people, name="people"),
    path("people/key/<int:key>/", views.person_of_key, name="person-of-key"),
    path(PERSON, views.person, name="person"),
    *(
        path(f"people/<uuid:public_id>/{name}/", views.part, {"name": name}, name=f"person-{name}")
        for name in views.PARTS
    ),
    path(f"{PERSON}note/", person_buttons.note, name="person-note"),
    path(f"{PERSON}order/", person_buttons.order, name="person-order"),
    path(f"{PERSON}funding-cards/<uuid:method_id>/end-cooling/", person_buttons.end_cooling, name="person-end-cooling"),
]
