from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "onecard.api"
    label = "api"
    verbose_name = "Frontend API"
