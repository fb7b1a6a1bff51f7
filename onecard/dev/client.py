"""Generates the TypeScript client from the OpenAPI document, and compares it with what is committed."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from onecard.dev.errors import LauncherError
from onecard.dev.node_packages import CLIENT, build, checked, install, run_node
from onecard.dev.stack import MANAGE
from onecard.dev.supervisor import CHECKOUT
from onecard.dev.waiting import say

GENERATED: Final = CLIENT / "src" / "generated"
# Which document the committed client was generated from; a test of the suite compares it without Node.
FINGERPRINT: Final = CLIENT / "schema.sha256"
WRITE: Final = "--write"
GENERATOR: Final = "node_modules/@hey-api/openapi-ts/bin/run.js"
# The document is made from the code alone: nothing is connected to.
NO_SERVICES: Final = {"DEBUG": "on", "ONECARD_STACK_FILE": "", "DATABASE_URL": "postgres://localhost/unused"}
REMEDY: Final = f"run make client ARGS={WRITE}, and commit what it writes"
NAMED_MOST: Final = 10


def check_client(*, write: bool) -> None:
    """Proves that the committed client is that of today's OpenAPI document, compiles, and passes its own tests.

    With `write` it is written first. Raises LauncherError with what to do.
    """
    install()
    with tempfile.TemporaryDirectory(prefix="onecard-client-") as scratch:
        made = _generate(Path(scratch))
        if write:
            _write(made)
        else:
            compare(made)
    build()
    checked(run_node("--test", "dist/test/onecard.test.js"), "The TypeScript client's own tests failed")
    say("The TypeScript client belongs to today's OpenAPI document, compiles, and passes its tests.")


def fingerprint(document: dict[str, Any]) -> str:
    """Returns a name of an OpenAPI document that is another one when anything in it is, whatever the order."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _generate(scratch: Path) -> dict[str, bytes]:
    """Returns the files of the client as the code has them now: those of src/generated, and the fingerprint."""
    schema, generated = scratch / "schema.json", scratch / "generated"
    say("Writing the OpenAPI document and generating the client ...")
    command = [*MANAGE, "spectacular", "--format", "openapi-json", "--fail-on-warn", "--file", str(schema)]
    environment = {**os.environ, **NO_SERVICES}
    asked = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    checked(asked, "The OpenAPI document cannot be made")
    paths = {"ONECARD_SCHEMA": str(schema), "ONECARD_GENERATED": str(generated)}
    checked(run_node(GENERATOR, environment={**os.environ, **paths}), "The client cannot be generated")
    name = str(FINGERPRINT.relative_to(CLIENT))
    return {**_files(generated), name: f"{fingerprint(json.loads(schema.read_bytes()))}\n".encode()}


def _files(generated: Path) -> dict[str, bytes]:
    found = (path for path in generated.rglob("*") if path.is_file())
    return {f"src/generated/{path.relative_to(generated)}": path.read_bytes() for path in found}


def compare(made: dict[str, bytes]) -> None:
    """Raises LauncherError that names the files in which the committed client differs from the one made now."""
    committed = _files(GENERATED)
    if FINGERPRINT.exists():
        committed[FINGERPRINT.name] = FINGERPRINT.read_bytes()
    other = sorted(name for name in made.keys() | committed.keys() if made.get(name) != committed.get(name))
    if other:
        named = ", ".join(other[:NAMED_MOST])
        raise LauncherError(f"The committed TypeScript client is not that of the code ({named}): {REMEDY}.")


def _write(made: dict[str, bytes]) -> None:
    shutil.rmtree(GENERATED, ignore_errors=True)
    for name, content in made.items():
        path = CLIENT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    say(f"Wrote {len(made)} files into {CLIENT.relative_to(CHECKOUT)}.")
