from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "onecard.metrics"
    label = "metrics"
