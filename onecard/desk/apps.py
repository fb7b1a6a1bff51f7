from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "onecard.desk"
    label = "desk"

    def ready(self) -> None:
        from onecard.desk import compact_rows
        from onecard.desk.names import name_everything
        from onecard.desk.viewer import separators_of_the_language
        from onecard.kit import separators

        name_everything()
        separators.register(separators_of_the_language)
        compact_rows.use_one_class()
