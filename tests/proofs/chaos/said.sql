-- What the other side says, beside our tables: the sandbox's own lists, and each question with the answer that it got.
-- The invariants read it (tests/proofs/chaos/invariants). Amounts are minor units, moments are UTC.
CREATE SCHEMA chaos;
-- Purchases that the issuer holds approved.
CREATE TABLE chaos.approved (provider text, purchase text, PRIMARY KEY (provider, purchase));
-- What merchants took, or gave back when it is negative.
CREATE TABLE chaos.movement (
    provider text, name text, purchase text, minor bigint, currency text, PRIMARY KEY (provider, name));
-- Payment intents that took money, with the charge of ours that each names.
CREATE TABLE chaos.charge (name text PRIMARY KEY, ours text, minor bigint, currency text);
-- Refunds that gave some back, with the refund of ours and the payment intent.
CREATE TABLE chaos.refund (name text PRIMARY KEY, ours text, charge text, minor bigint, currency text);
-- Calls that made a payment intent, each under the key that it came with. A call that got an old answer is a replay.
CREATE TABLE chaos.call (key text, ours text, replayed boolean);
-- Each question, as often as it was put: `repeat` is the second time under the same id. `approved` is NULL without a
-- usable answer; an answer is in time when the issuer still waited for it.
CREATE TABLE chaos.answer (
    provider text, event text, purchase text, repeat boolean, asked_at timestamptz, ms double precision,
    status integer, error text, approved boolean, body text, fault text);
CREATE INDEX ON chaos.answer (event);
-- The keys that seal card data, and what they sealed: version, key id, and a Fernet token (docs/decisions/0006). A value
-- that is no base64 of the web's kind has no bytes here.
CREATE EXTENSION pgcrypto SCHEMA chaos;
CREATE TABLE chaos.key (raw bytea, seals boolean);
CREATE VIEW chaos.sealed AS
SELECT c.id, c.public_id, c.last_four, each.name, CASE WHEN each.value ~ '^[A-Za-z0-9_-]+={0,2}$' AND length(each.value) % 4 = 0
    THEN decode(translate(each.value, '-_', '+/'), 'base64') END AS raw
FROM issuing_virtualcard c, LATERAL (VALUES ('encrypted_card_number', c.encrypted_card_number),
    ('encrypted_cvv', c.encrypted_cvv)) each (name, value) WHERE each.value <> '';
-- HKDF with SHA-256 and without salt, up to 32 bytes (RFC 5869).
CREATE FUNCTION chaos.derived(raw bytea, purpose text, length integer) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(chaos.hmac(convert_to('onecard card data v1 ' || purpose, 'UTF8') || '\x01'::bytea,
        chaos.hmac(raw, decode(repeat('00', 32), 'hex'), 'sha256'), 'sha256'), 1, length) $$;
-- What was sealed, behind the 32 bytes that bind it to its place; NULL when the key's signature is not on it.
CREATE FUNCTION chaos.opened(sealed bytea, raw bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN length(sealed) >= 98 AND substr(sealed, length(sealed) - 31)
            = chaos.hmac(substr(sealed, 10, length(sealed) - 41), chaos.derived(raw, 'hmac', 32), 'sha256')
        THEN chaos.decrypt_iv(substr(sealed, 35, length(sealed) - 66), chaos.derived(raw, 'cipher', 32),
            substr(sealed, 19, 16), 'aes-cbc/pad:pkcs') END $$;
