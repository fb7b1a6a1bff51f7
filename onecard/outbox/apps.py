from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "onecard.outbox"
    label = "outbox"
