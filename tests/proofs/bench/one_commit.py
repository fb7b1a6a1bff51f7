"""The reference A: one SQL function and one commit for each authorization, sent by pgbench."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection

from onecard.dev.binaries import find_postgres

# The authorization, its limits and the message that asks for the charge: the least that a durable decision writes.
TABLES: Final = """
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.card (
    id int PRIMARY KEY, limit_minor bigint NOT NULL, day_minor bigint NOT NULL, month_minor bigint NOT NULL
) WITH (fillfactor = 70);
CREATE TABLE bench.authorization (
    id bigserial PRIMARY KEY, name uuid NOT NULL UNIQUE, card_id int NOT NULL REFERENCES bench.card,
    amount_minor bigint NOT NULL, approved boolean NOT NULL, trace text NOT NULL, decided_at timestamptz NOT NULL
);
CREATE TABLE bench.outbox (id bigserial PRIMARY KEY, authorization_id bigint NOT NULL, created_at timestamptz NOT NULL);
INSERT INTO bench.card SELECT number, 1e15, 0, 0 FROM generate_series(0, {cards} - 1) AS number;
CREATE FUNCTION bench.authorize(p_card int, p_amount bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE v_card bench.card; v_approved boolean; v_id bigint;
BEGIN
    SELECT * INTO v_card FROM bench.card WHERE id = p_card FOR NO KEY UPDATE;
    v_approved := v_card.day_minor + p_amount <= v_card.limit_minor
        AND v_card.month_minor + p_amount <= v_card.limit_minor;
    INSERT INTO bench.authorization (name, card_id, amount_minor, approved, trace, decided_at)
        VALUES (gen_random_uuid(), p_card, p_amount, v_approved, repeat('x', 200), now()) RETURNING id INTO v_id;
    IF v_approved THEN
        UPDATE bench.card SET day_minor = day_minor + p_amount, month_minor = month_minor + p_amount WHERE id = p_card;
        INSERT INTO bench.outbox (authorization_id, created_at) VALUES (v_id, now());
    END IF;
    RETURN v_approved;
END $$;
"""
SCRIPT: Final = "\\set card random(0, {last})\nSELECT bench.authorize(:card, 100);\n"


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
        cursor.execute(TABLES.replace("{cards}", str(cards)))


def measure(pgbench: Path, *, cards: int, clients: int, seconds: int) -> Floor:
    """Runs pgbench with as many clients; raises CalledProcessError with its output when it fails."""
    settings = connection.settings_dict
    place = ["-h", settings["HOST"], "-U", settings["USER"], settings["NAME"]]
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
        command += ["-f", script, "--log", "--log-prefix", Path(folder) / "log", *map(str, place)]
        said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
        durations_us = sorted(
            int(line.split()[2]) for log in Path(folder).glob("log*") for line in log.read_text().splitlines()
        )
    rate = re.search(r"tps = ([0-9.]+)", said)
    assert rate, said
    return Floor(float(rate[1]), durations_us[len(durations_us) // 2] / 1000)
