from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "onecard.desk"
    label = "desk"

    def ready(self) -> None:
        from onecard.desk import compact_rows
        from onecard.desk.names import name_everything

        name_everything()
        compact_rows.use_one_class()
