from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "onecard.notices"
    label = "notices"
    verbose_name = "Notices"
