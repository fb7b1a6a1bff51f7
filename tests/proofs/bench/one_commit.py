"""The reference A: one SQL function and one commit for each authorization, sent by pgbench.

It does what a durable decision cannot do without, and nothing for show. `bench.authorize` takes the card's name, the
MCC, the amount and the request's body of 5 kB, and then

1. finds the card by its name, locks it, and finds its holder's preference;
2. finds the holder's wallet of four funding cards, the ranking rows of the MCC and the multipliers, and ranks;
3. compares the amount with the limits of one purchase, of the day and of the month;
4. writes the authorization with its trace of about 2 kB, from which the choice can be made again, and the body;
5. counts the amount in the card's two counters, and writes the message that asks for the charge.

The first such function, measured by itself on two cores on 28 November 2026, took 0.41 ms with one client and did
4 584 a second with 16. Figures far from these on such a machine say that the two do not do the same work.
"""

import re
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from onecard.dev.binaries import find_postgres
from tests.proofs.bench.people import MCC
from tests.proofs.bench.requests import Requests

TABLES: Final = """
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.holder (id int PRIMARY KEY, preference text NOT NULL);
CREATE TABLE bench.method (
    id serial PRIMARY KEY, holder_id int NOT NULL REFERENCES bench.holder, name text NOT NULL, network text NOT NULL,
    last_four text NOT NULL, processor_method_id text NOT NULL, active boolean NOT NULL, position int NOT NULL
);
CREATE TABLE bench.card (
    id int PRIMARY KEY, name text NOT NULL UNIQUE, holder_id int NOT NULL REFERENCES bench.holder,
    status text NOT NULL, purchase_limit_minor bigint NOT NULL, day_limit_minor bigint NOT NULL,
    month_limit_minor bigint NOT NULL
);
CREATE TABLE bench.counter (
    card_id int NOT NULL REFERENCES bench.card, kind text NOT NULL, spent_minor bigint NOT NULL,
    PRIMARY KEY (card_id, kind)
) WITH (fillfactor = 70);
CREATE TABLE bench.ranking (
    id serial PRIMARY KEY, mcc text NOT NULL, network text NOT NULL, rate numeric NOT NULL, reward_type text NOT NULL,
    UNIQUE (mcc, network)
);
CREATE TABLE bench.multiplier (
    preference text NOT NULL, reward_type text NOT NULL, factor numeric NOT NULL, PRIMARY KEY (preference, reward_type)
);
CREATE TABLE bench.authorization (
    id bigserial PRIMARY KEY, name uuid NOT NULL UNIQUE, card_id int NOT NULL REFERENCES bench.card,
    method_id int REFERENCES bench.method, amount_minor bigint NOT NULL, reason text NOT NULL, trace jsonb NOT NULL,
    body text NOT NULL, decided_at timestamptz NOT NULL
);
CREATE TABLE bench.outbox (id bigserial PRIMARY KEY, authorization_id bigint NOT NULL, created_at timestamptz NOT NULL);
-- As the product keeps its own: compressed, in the row.
ALTER TABLE bench.authorization ALTER COLUMN body SET STORAGE MAIN, ALTER COLUMN trace SET STORAGE MAIN;
DO $$ BEGIN
    ALTER TABLE bench.authorization ALTER COLUMN body SET COMPRESSION lz4, ALTER COLUMN trace SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'PostgreSQL has no lz4 here; it compresses as it does by default.';
END $$;
INSERT INTO bench.holder SELECT number, 'points' FROM generate_series(0, {cards} - 1) AS number;
INSERT INTO bench.method (holder_id, name, network, last_four, processor_method_id, active, position)
    SELECT id, initcap(network), network, '0000', 'pm_bench_' || id || '_' || position, true, position
    FROM bench.holder, unnest('{amex,mastercard,visa,discover}'::text[]) WITH ORDINALITY AS each (network, position);
INSERT INTO bench.card SELECT id, 'ic_bench_' || id, id, 'active', 1e15, 1e15, 1e15 FROM bench.holder;
INSERT INTO bench.counter SELECT id, kind, 0 FROM bench.card, unnest('{day,month}'::text[]) AS kind;
INSERT INTO bench.ranking (mcc, network, rate, reward_type)
    VALUES ('{mcc}', 'amex', 4, 'points'), ('{mcc}', 'mastercard', 3, 'points'), ('{mcc}', 'visa', 1, 'points'),
           ('{mcc}', 'discover', 1, 'points');
INSERT INTO bench.multiplier VALUES ('points', 'points', 1.25), ('points', 'cash', 1), ('cash', 'points', 1),
                                    ('cash', 'cash', 1.25);
CREATE INDEX ON bench.method (holder_id);
CREATE FUNCTION bench.authorize(p_card text, p_mcc text, p_amount bigint, p_body text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_card record;
    v_method int;
    v_trace jsonb;
    v_reason text;
    v_id bigint;
BEGIN
    SELECT c.*, h.preference INTO v_card FROM bench.card c JOIN bench.holder h ON h.id = c.holder_id
        WHERE c.name = p_card FOR NO KEY UPDATE OF c;
    SELECT (array_agg(id))[1], jsonb_build_object(
            'mcc', p_mcc, 'currency', 'USD', 'at', now(), 'local_date', current_date,
            'preference', v_card.preference, 'rulebook_version', 1, 'tie_within', '0.1', 'significantly_better', '1.5',
            'rule_versions', jsonb_build_object(
                'multiplier cash/cash', 1, 'multiplier cash/points', 1, 'multiplier points/cash', 1,
                'multiplier points/points', 1, 'threshold tie_within', 1, 'threshold significantly_better', 1),
            'rule', 'best_reward', 'chosen_method_id', (array_agg(id))[1],
            'candidates', jsonb_agg(jsonb_build_object(
                'method_id', id, 'name', name, 'network', network, 'product_id', NULL, 'last_four', last_four,
                'is_backup', false, 'position', position, 'left_out', '', 'row_id', row_id, 'row_version', 1,
                'row_scope', 'network', 'reward_rate', rate, 'reward_type', reward_type, 'multiplier', factor,
                'effective_reward', reward)))
        INTO v_method, v_trace
        FROM (SELECT m.*, r.id AS row_id, r.rate, r.reward_type, x.factor, r.rate * x.factor AS reward
              FROM bench.method m
                  LEFT JOIN bench.ranking r ON r.mcc = p_mcc AND r.network = m.network
                  LEFT JOIN bench.multiplier x
                      ON x.preference = v_card.preference AND x.reward_type = r.reward_type
              WHERE m.holder_id = v_card.holder_id AND m.active
              ORDER BY reward DESC NULLS LAST, position) ranked;
    v_reason := CASE
        WHEN v_card.status <> 'active' THEN 'card_not_active'
        WHEN v_method IS NULL THEN 'no_funding_card'
        WHEN p_amount > v_card.purchase_limit_minor THEN 'per_transaction_limit_exceeded'
        WHEN p_amount + (SELECT spent_minor FROM bench.counter WHERE card_id = v_card.id AND kind = 'day')
            > v_card.day_limit_minor THEN 'daily_limit_exceeded'
        WHEN p_amount + (SELECT spent_minor FROM bench.counter WHERE card_id = v_card.id AND kind = 'month')
            > v_card.month_limit_minor THEN 'monthly_limit_exceeded'
        ELSE '' END;
    INSERT INTO bench.authorization (name, card_id, method_id, amount_minor, reason, trace, body, decided_at)
        VALUES (gen_random_uuid(), v_card.id, v_method, p_amount, v_reason, v_trace, p_body, now())
        RETURNING id INTO v_id;
    IF v_reason = '' THEN
        UPDATE bench.counter SET spent_minor = spent_minor + p_amount WHERE card_id = v_card.id;
        INSERT INTO bench.outbox (authorization_id, created_at) VALUES (v_id, now());
    END IF;
    RETURN v_reason;
END $$;
ANALYZE bench.holder, bench.method, bench.card, bench.counter, bench.ranking, bench.multiplier;
"""
SCRIPT: Final = """\\set card random(0, {last})
SELECT bench.authorize('ic_bench_' || :card, :mcc, 100, :body);
"""


@dataclass(frozen=True, slots=True)
class Floor:
    """What pgbench measured: transactions a second, and the milliseconds that half of them took."""

    rps: float
    p50: float


def find_pgbench() -> Path | None:
    """Returns the program beside the server's own programs, or on the path; None when there is none."""
    beside = find_postgres(major=None) / "pgbench"
    found = beside if beside.exists() else shutil.which("pgbench")
    return Path(found) if found else None


def prepare(cards: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TABLES.replace("{cards}", str(cards)).replace("{mcc}", MCC))


def measure(pgbench: Path, *, cards: int, clients: int, seconds: int) -> Floor:
    """Runs pgbench with as many clients; raises CalledProcessError with its output when it fails."""
    database = connection.settings_dict
    body = Requests(settings.STRIPE_API_VERSION).body_for(card="ic_bench_0", amount=100, unique=uuid.uuid4().hex)
    place = ["-h", database["HOST"], "-U", database["USER"], database["NAME"]]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "authorize.sql"
        script.write_text(SCRIPT.replace("{last}", str(cards - 1)))
        command: list[str | Path] = [
            pgbench,
            "-n",
            "-M",
            "prepared",
            "-c",
            str(clients),
            "-j",
            str(min(clients, 2)),
            "-T",
            str(seconds),
        ]
        # As a parameter, it travels with each call.
        command += ["-D", f"mcc={MCC}", "-D", f"body={body.decode()}"]
        command += ["-f", script, "--log", "--log-prefix", Path(folder) / "log", *map(str, place)]
        said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
        durations_us = sorted(
            int(line.split()[2]) for log in Path(folder).glob("log*") for line in log.read_text().splitlines()
        )
    rate = re.search(r"tps = ([0-9.]+)", said)
    assert rate, said
    return Floor(float(rate[1]), durations_us[len(durations_us) // 2] / 1000)
