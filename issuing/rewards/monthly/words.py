"""A monthly report in a few plain sentences: in English, as all that is stored or sent."""

from collections.abc import Sequence

from issuing.rewards.monthly.report import Report
from onecard.kit.money import Money


def sentences(reports: Sequence[Report]) -> str:
    """Returns the reports of one month, one for each currency; short enough for a notice with one or two currencies."""
    return f"{reports[0].month:%B %Y}: " + " ".join(" ".join(_of(each)) for each in reports)


def hint_of(report: Report) -> str:
    """Returns what would have paid most, or "" where nothing would have."""
    activation, card = report.best_activation, report.best_new_card
    if activation is not None and (card is None or activation.gain.minor >= card.net.minor):
        return f"Activating {activation.quarter} on {activation.card} would have paid up to {activation.gain} more."
    if card is None:
        return ""
    fee = f", of which {Money(card.gain.minor - card.net.minor, report.currency)} are its fee" * (card.gain != card.net)
    return f"{card.product} in your wallet would have paid up to {card.gain} more{fee}."


def _of(report: Report) -> list[str]:
    if not report.purchases:
        return [f"you spent {report.spent} on cards whose terms we do not know, so we cannot say what it earned."]
    found = [
        f"you spent {report.spent} and earned {report.earned}.",
        f"{report.baseline_card} alone would have earned {report.baseline}: choosing cards brought {report.benefit}.",
        f"With hindsight {report.most} was possible at most.",
        hint_of(report),
    ]
    return [each for each in found if each]
