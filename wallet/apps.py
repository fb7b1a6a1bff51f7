from django.apps import AppConfig
from django.core import checks


class WalletConfig(AppConfig):
    name = "wallet"

    def ready(self) -> None:
        """Registers the check of time zones and the handlers of what staff enter."""
        from wallet.casework import entered_refunds
        from wallet.checks import unknown_time_zones
        from wallet.own_money import by_hand

        checks.register(unknown_time_zones)
        entered_refunds.install()
        by_hand.install()
