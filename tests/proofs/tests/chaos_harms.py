"""For each invariant a change of the rows that breaks it, by the beginning of its sentence.

They are made in a database without constraints and triggers, which would refuse most of them.
"""

FIRST = "(SELECT min(id) FROM {table})"


def _copy(table: str, *, where: str = "", **changes: str) -> str:
    """One row once more, with a key of its own and these changes."""
    pairs = ", ".join(f"'{name}', {value}" for name, value in {"id": "x.id + 1000000", **changes}.items())
    chosen = where or f"x.id = {FIRST.format(table=table)}"
    return (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(x, jsonb_build_object({pairs}))).* FROM {table} x "
        f"WHERE {chosen}"
    )


ANSWERED = "event = (SELECT min(event) FROM chaos.answer WHERE approved)"
APPROVED = "SELECT d.id FROM issuing_decision d WHERE d.approved ORDER BY d.id LIMIT 1"
PURCHASE = "SELECT a.id FROM issuing_authorization a WHERE a.status <> 'declined' ORDER BY a.id LIMIT 1"
FUNDED = "SELECT o.id FROM wallet_fundingobligation o WHERE o.status = 'funded' ORDER BY o.id LIMIT 1"
PAID = "SELECT c.id FROM wallet_fundingcharge c WHERE c.status = 'succeeded' ORDER BY c.id LIMIT 1"
MOVED = "SELECT t.id FROM issuing_cardtransaction t WHERE t.transaction_type = 'settlement' ORDER BY t.id LIMIT 1"
TRAIL = "INSERT INTO audit_entry (recorded_at, actor, action, subject_type, subject_id, details) SELECT now(), 'x', "

SWAPPED = "(SELECT min(id) + max(id) FROM issuing_virtualcard) - x.id"

HARMS = {
    # cards.sql
    "Sealed card data names": "UPDATE issuing_virtualcard x SET encrypted_card_number = other.encrypted_card_number "
    f"FROM issuing_virtualcard other WHERE other.id = {SWAPPED}",
    "What is sealed is": "UPDATE issuing_virtualcard SET last_four = '0000'",
    "After the keys were changed": "UPDATE chaos.key SET seals = false",
    # ledger.sql
    "A posting moves": "UPDATE wallet_posting SET credit = debit",
    "In each currency the kept": "INSERT INTO wallet_ledgersum (account, currency, balance_minor, through) "
    "VALUES ('goodwill', 'CHF', 5, 0)",
    "A kept balance is": "INSERT INTO wallet_ledgersum (account, currency, balance_minor, through) "
    "VALUES ('goodwill', 'CHF', 5, 0), ('fees', 'CHF', -5, 0)",
    "A movement is posted once": _copy("wallet_posting"),
    "The account at the issuers": "UPDATE wallet_posting SET amount_minor = amount_minor + 1 WHERE kind = 'capture'",
    "The account at the processor": "UPDATE wallet_posting SET amount_minor = amount_minor + 1 WHERE kind = 'charge'",
    "A purchase that is over has nothing": "DELETE FROM wallet_posting WHERE kind = 'charge'",
    "Every column of an amount": "ALTER TABLE wallet_ledgersum ALTER COLUMN balance_minor TYPE numeric",
    "The tables of evidence": "ALTER TABLE wallet_posting DISABLE TRIGGER USER",
    # decisions.sql
    "A question has one decision": _copy("issuing_decision", public_id="gen_random_uuid()", round_key="'other'"),
    "A round of a purchase": _copy("issuing_decision", public_id="gen_random_uuid()", event_id="x.event_id + 1000000"),
    "Every approval that we answered": f"DELETE FROM issuing_decision WHERE id = ({APPROVED})",
    "An approval that the issuer has": f"UPDATE chaos.answer SET body = body || ' ' WHERE repeat AND {ANSWERED}",
    "A decline that is recorded": "UPDATE chaos.answer SET body = body || ' ' WHERE repeat AND NOT approved",
    "What stand-in answered has": "UPDATE chaos.answer SET body = 'onecard_decision stand_in_declined', event = 'lost'",
    "What the issuer holds approved": _copy(
        "issuing_decision",
        where=f"x.id = ({APPROVED})",
        public_id="gen_random_uuid()",
        corrects_id="x.id",
        approved="false",
        decline_reason="'deadline_exceeded'",
    ),
    "An approval that did not reach the issuer in time holds": "UPDATE chaos.answer SET approved = NULL; "
    "UPDATE issuing_authorization SET status = 'approved'",
    "An approval that did not reach the issuer in time has": "DELETE FROM chaos.answer; DELETE FROM chaos.approved",
    "A purchase that we hold": "DELETE FROM chaos.approved; DELETE FROM chaos.movement",
    "A purchase that is approved at its issuer": "INSERT INTO chaos.approved VALUES ('stripe', 'iauth_lost')",
    "An approval says which rule": "UPDATE issuing_decision SET trace = '{}'",
    "Each decision has one entry": "DELETE FROM audit_entry WHERE action = 'authorization.approved'",
    "Each approval that was taken back": _copy("issuing_decision", public_id="gen_random_uuid()", corrects_id="x.id"),
    "No card number": "UPDATE wallet_case SET summary = 'paid by 4242424242424242'; "
    + TRAIL
    + "'card.shown', 'card', '1', '{\"number\": \"4242424242424242\"}'::jsonb",
    # limits.sql
    "A counter of a limit": "UPDATE issuing_spendwindow SET spent_minor = spent_minor + 1",
    "What we approved takes no counter": "UPDATE issuing_virtualcard SET daily_limit_minor = 1",
    "No single approval": "UPDATE issuing_virtualcard SET per_transaction_limit_minor = 1",
    "A card's balance": "UPDATE issuing_virtualcard SET balance_minor = 1",
    "No part of a hold": "UPDATE issuing_hold SET released_minor = amount_minor + 1",
    "An approval has one hold": "DELETE FROM issuing_hold",
    "A purchase that is open holds": "UPDATE issuing_authorization SET status = 'approved', approved_minor = 99999999",
    "A purchase that fell away": "UPDATE issuing_authorization SET status = 'reversed'; DELETE FROM chaos.movement; "
    "UPDATE issuing_hold SET status = 'placed', released_minor = 0",
    "A hold counts in one day": "UPDATE issuing_hold SET placed_at = placed_at - interval '1 year'",
    "No two windows": _copy("issuing_spendwindow", starts_at="x.starts_at + interval '1 hour'"),
    # movements.sql
    "Every movement at an issuer": "DELETE FROM issuing_cardtransaction",
    "Every movement that is recorded": "DELETE FROM chaos.movement",
    "Every posting of a movement": "DELETE FROM issuing_cardtransaction",
    "A movement that names a purchase": "UPDATE issuing_cardtransaction SET authorization_id = NULL "
    f"WHERE id = ({MOVED})",
    "The state of a purchase": TRAIL + f"'authorization.reversed', 'authorization', ({PURCHASE})::text, '{{}}'::jsonb",
    # charges.sql
    "An obligation has at most one": _copy(
        "wallet_fundingcharge", where=f"x.id = ({PAID})", public_id="gen_random_uuid()"
    ),
    "Of one obligation the processor": "INSERT INTO chaos.charge SELECT 'pi_twice', ours, minor, currency "
    "FROM chaos.charge LIMIT 1",
    "One charge of ours": "INSERT INTO chaos.call SELECT 'another key', ours, false FROM chaos.call LIMIT 1",
    "What the processor took": "UPDATE chaos.charge SET minor = minor + 1",
    "A charge of ours that succeeded": "DELETE FROM chaos.charge",
    "What the processor gave back": "UPDATE chaos.refund SET minor = minor + 1",
    "No more is given back": "UPDATE wallet_fundingrefund SET amount_minor = 99999999",
    "A charge is posted": "DELETE FROM wallet_posting WHERE kind = 'charge_refund'",
    "An obligation is funded": f"UPDATE wallet_fundingobligation SET status = 'open' WHERE id = ({FUNDED})",
    "Nothing comes after a charge": TRAIL + "'charge.declined', subject_type, subject_id, '{}'::jsonb "
    "FROM audit_entry WHERE action = 'charge.succeeded'",
    "Each end of a charge": "DELETE FROM audit_entry WHERE action = 'charge.succeeded'",
    # drained.sql
    "Nothing that follows": "INSERT INTO issuing_journal (provider, event_id, event_type, fingerprint, "
    "authorization_id, round_key, approved, response, object_id, original_mac, public_id, amount_minor, "
    "from_balance_minor, currency, merchant_name, rule, decline_reason, policy, idempotency_key, trace, timings_ms, "
    "body, decided_at) VALUES ('stripe', 'evt_1', '', '', 1, '', true, '', '', '', gen_random_uuid(), 1, 0, 'USD', '', "
    "'', '', '', '', '{}', '{}', '', now())",
    "No message waits": "UPDATE outbox_message SET published_at = NULL",
    "Every event was handled": "UPDATE issuing_issuerevent SET status = 'received'",
    "Every approval says who pays": "UPDATE issuing_decision SET obligation_id = NULL",
    "Every obligation asked a card": "DELETE FROM wallet_fundingcharge",
    "An obligation has come to its end": f"UPDATE wallet_fundingobligation SET status = 'open' WHERE id = ({FUNDED})",
    "No charge is under way": f"UPDATE wallet_fundingcharge SET status = 'unknown' WHERE id = ({PAID})",
    "No refund is under way": "UPDATE wallet_fundingrefund SET status = 'sending'",
    "No purchase waits": "UPDATE issuing_authorization SET settle_due_at = now() - interval '1 minute'",
}
# Without these, the database takes what is wrong.
UNGUARD = """
SET LOCAL session_replication_role = replica;
DO $$
DECLARE each record;
BEGIN
    FOR each IN SELECT conrelid::regclass AS place, conname FROM pg_constraint JOIN pg_class t ON t.oid = conrelid
        WHERE contype IN ('c', 'u') AND connamespace = 'public'::regnamespace AND NOT t.relispartition
            AND t.relname ~ '^(wallet|issuing|outbox|audit)_'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', each.place, each.conname);
    END LOOP;
    FOR each IN SELECT indexrelid::regclass AS name FROM pg_index JOIN pg_class t ON t.oid = indrelid
        WHERE indisunique AND NOT indisprimary AND t.relnamespace = 'public'::regnamespace AND NOT t.relispartition
            AND t.relname ~ '^(wallet|issuing|outbox|audit)_'
    LOOP
        EXECUTE format('DROP INDEX %s CASCADE', each.name);
    END LOOP;
END $$;
"""
