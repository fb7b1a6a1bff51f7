from django.apps import AppConfig
from django.core import checks


class WalletConfig(AppConfig):
    name = "wallet"

    def ready(self) -> None:
        """Time zones are checked, and refunds by hand are entered like every amount."""
        from wallet.casework import entered_refunds
        from wallet.checks import unknown_time_zones

        checks.register(unknown_time_zones)
        entered_refunds.install()
