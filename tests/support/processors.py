"""A processor in this process that does what it is asked, for tests about everything around it."""

from wallet.processors.base import CaptureOrder, ChargeOrder, Outcome, RefundOrder, RefundOutcome


class Obliging:
    """Charges, holds, captures and gives back at once; nothing is remembered."""

    def charge(self, order: ChargeOrder) -> Outcome:
        return Outcome("held" if order.holds else "succeeded", f"pi_{order.public_id}")

    def find(self, order: ChargeOrder) -> Outcome | None:
        return None

    def capture(self, order: CaptureOrder) -> Outcome:
        return Outcome("succeeded", order.processor_charge_id)

    def give_up(self, processor_charge_id: str) -> Outcome:
        return Outcome("canceled", processor_charge_id)

    def refund(self, order: RefundOrder) -> RefundOutcome:
        return RefundOutcome("succeeded", f"re_{order.public_id}")

    def find_refund(self, order: RefundOrder) -> RefundOutcome | None:
        return None
