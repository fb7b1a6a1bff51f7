"""The columns that a decision reads of a card, its holder and the wallet: those of CardFacts, in its order."""

from django.conf import settings

from issuing.controls import compiled
from issuing.history import card_history
from routing.valued.person import RULE_COLUMNS
from wallet import states

BLOCKING_FLAGS = ", ".join(f"'{flag.value}'" for flag in states.BLOCKING_FLAGS)
# What strategy value knows beside the wallet: own cents per point, spend of caps, prices (routing/valued/person.py).
BY_VALUE = "true" if settings.ROUTING_STRATEGY == "value" else "h.preference = 'value'"
RULE = ", ".join(f"r.{column}" for column in RULE_COLUMNS)
# How likely each card is to pay: read only where choices use it.
ODDS = (
    """(SELECT jsonb_object_agg(o.method_id, o.approved_ppm)
                          FROM wallet_fundingmethod own JOIN routing_methododds o ON o.method_id = own.id
                         WHERE own.cardholder_id = h.id)"""
    if settings.ROUTING_ODDS
    else "NULL"
)
PERSON = f"""CASE WHEN {BY_VALUE} THEN jsonb_build_array(
                       h.point_cents,
                       (SELECT jsonb_agg(jsonb_build_array(s.method_id, s.name, s.tag, s.starts_on, s.pending_minor,
                                                           s.posted_minor))
                          FROM wallet_fundingmethod own JOIN routing_cardspend s ON s.method_id = own.id
                         WHERE own.cardholder_id = h.id AND s.starts_on > current_date - 370),
                       (SELECT p.prices FROM routing_spaceprices p WHERE p.cardholder_id = h.id),
                       (SELECT jsonb_agg(jsonb_build_array({RULE})) FROM routing_personalrule r
                         WHERE r.cardholder_id = h.id),
                       {ODDS}) END"""  # noqa: S608 (a constant)
# What a decision knows of a card: the columns of CardFacts, in its order.
CARD = f"""c.id, c.version, c.status, c.stop_reported_at IS NOT NULL, c.currency, c.per_transaction_limit_minor,
       c.balance_minor, c.spends_balance,
       h.id, h.wallet_version, h.kyc_status,
       h.compliance_flags && ARRAY[{BLOCKING_FLAGS}]::varchar[] OR c.compliance_flags ?| ARRAY[{BLOCKING_FLAGS}],
       h.time_zone, h.preference, extract(epoch FROM c.created_at)::float,
       (to_jsonb(h.compliance_flags) || c.compliance_flags)::text, {compiled.OF_CARD}, {compiled.PASSES},
       (SELECT jsonb_build_array({card_history.COLUMNS})::text FROM issuing_cardhistory WHERE card_id = c.id),
       extract(epoch FROM h.kyc_due_at)::float8, h.processor_customer_id <> '',
       (SELECT jsonb_build_array(
                   jsonb_agg(jsonb_build_array(m.id, m.name, m.network, m.product_id, m.last_four,
                                               m.processor_method_id, m.status, m.expiry_year, m.expiry_month,
                                               m.cooling_until, m.currencies, m.is_backup, m.position,
                                               m.statement_day, m.opened_on, m.activations, m.choices)
                             ORDER BY m.position, m.id),
                   {PERSON})::text
          FROM wallet_fundingmethod m WHERE m.cardholder_id = h.id)"""  # noqa: S608 (a constant)
