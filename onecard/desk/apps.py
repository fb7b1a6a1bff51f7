from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "onecard.desk"
    label = "desk"

    def ready(self) -> None:
        from onecard.desk.names import name_everything

        name_everything()
