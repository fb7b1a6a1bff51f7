from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "onecard.integrations"
    label = "integrations"
    verbose_name = "Integrations"
