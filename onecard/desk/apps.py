from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "onecard.desk"
    label = "desk"
    verbose_name = "Desk"
