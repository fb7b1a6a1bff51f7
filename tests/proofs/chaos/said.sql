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
