"""What the space left in a person's caps is worth: priced anew from a forecast by their own purchases.

A decision only looks the prices up (routing/value/prices.py), so this is never on its path. A person without prices is
decided without them: then no space is kept for later.
"""

import datetime as dt
import logging
from typing import Final

from celery.exceptions import SoftTimeLimitExceeded

from issuing import states
from issuing.models import Authorization
from onecard.kit import clock
from onecard.kit.time_zones import zone_of
from routing import preview, rulebook, strategy
from routing.models import SpacePrices
from routing.value.forecast import History
from routing.value.pricing import make_prices
from routing.value.spend import Purchase
from routing.value.wallet import Wallet
from routing.valued.holdings import held
from routing.valued.person import kept_prices
from wallet.models import Cardholder, FundingMethod

log = logging.getLogger(__name__)

OLD: Final = dt.timedelta(hours=12)
NEVER: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
REMEMBERED: Final = dt.timedelta(days=400)
BATCH: Final = 100
HOME: Final = "US"


def sweep() -> int:
    """Prices the caps of those whose prices are old, a batch at a time; one failure holds up no other."""
    done = 0
    due = SpacePrices.objects.filter(made_at__lt=clock.now() - OLD).select_related("cardholder")
    for kept in due.order_by("made_at", "pk")[:BATCH]:
        try:
            price(kept.cardholder)
            done += 1
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            # It comes again behind the others.
            SpacePrices.objects.filter(pk=kept.pk).update(made_at=clock.now())
            log.exception("the caps of cardholder %s could not be priced", kept.cardholder_id)
    return done


def begin(holder: Cardholder) -> None:
    """Has the person's caps priced by the next sweep, unless they are already; for whom value decides."""
    if strategy.is_by_value(holder.preference) and not SpacePrices.objects.filter(cardholder=holder).exists():
        SpacePrices.objects.bulk_create([SpacePrices(cardholder=holder, made_at=NEVER)], ignore_conflicts=True)


def price(holder: Cardholder) -> None:
    """Prices the space in the person's caps, from what they bought so far, and keeps the prices.

    Those of somebody whose purchases are not decided by value any more are dropped.
    """
    if not strategy.is_by_value(holder.preference):
        SpacePrices.objects.filter(cardholder=holder).delete()
        return
    now = clock.now()
    version = rulebook.current_version()
    found, person = rulebook.catalogue_for(version=version), preview.person_of(holder, now)
    methods = holder.funding_methods.select_related("cardholder").filter(status=FundingMethod.Status.ACTIVE)
    passes = found.account.passes_mcc
    cards = held([preview.method_of(each) for each in methods], found, {}, person, is_passed_through=passes)
    wallet = Wallet.of([each.card for each in cards])
    today = clock.local_day(now, holder.time_zone)
    prices = make_prices(wallet, person.spend, history_of(holder, now), today)
    SpacePrices.objects.update_or_create(cardholder=holder, defaults={"prices": kept_prices(prices), "made_at": now})


def history_of(holder: Cardholder, now: dt.datetime) -> History:
    """Returns the person's approved purchases of the year and a bit before a moment, for the forecast."""
    since = now - REMEMBERED
    made = Authorization.objects.filter(
        card__cardholder=holder, created_at__gte=since, created_at__lte=now, approved_minor__gt=0
    )
    ended = (states.Authorization.DECLINED, states.Authorization.REVERSED, states.Authorization.EXPIRED)
    names = ("created_at", "mcc", "merchant_name", "approved_minor", "merchant_country")
    zone, bought = zone_of(holder.time_zone), []
    for at, mcc, merchant, minor, country in (
        made.exclude(status__in=ended).order_by("created_at", "pk").values_list(*names)
    ):
        bought.append(Purchase(at.astimezone(zone).replace(tzinfo=None), mcc, merchant, minor, country or HOME))
    first = bought[0].at.date() if bought else clock.local_day(now, holder.time_zone)
    return History(first, bought)
