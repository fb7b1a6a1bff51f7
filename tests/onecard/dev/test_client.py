"""`make client` says in a sentence what is missing, and which files of the client are old."""

from pathlib import Path

import pytest

from onecard.dev import client, node_packages
from onecard.dev.__main__ import main
from onecard.dev.client import FINGERPRINT, compare, fingerprint
from onecard.dev.errors import LauncherError


def program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)


def test_a_missing_node_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LauncherError, match=r"node is not installed: the TypeScript client needs Node 20.19 or newer"):
        node_packages.check_node()


@pytest.mark.parametrize(("version", "is_enough"), [("v18.20.4", False), ("v20.19.0", True), ("v22.1.0", True)])
def test_a_node_that_is_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, is_enough: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "node", version)
    program(tmp_path, "npm", "11.0.0")

    said = ""
    try:
        node_packages.check_node()
    except LauncherError as error:
        said = str(error)

    assert (said == "") == is_enough
    assert is_enough or said.startswith(f"node is {version}: the TypeScript client needs Node 20.19 or newer")


def test_the_files_that_are_old_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generated = tmp_path / "src" / "generated"
    generated.mkdir(parents=True)
    monkeypatch.setattr(client, "GENERATED", generated)
    monkeypatch.setattr(client, "FINGERPRINT", tmp_path / FINGERPRINT.name)
    for name in ("same.ts", "old.ts", "gone.ts"):
        (generated / name).write_bytes(b"1")
    made = {"src/generated/same.ts": b"1", "src/generated/old.ts": b"2", "src/generated/new.ts": b"1"}

    with pytest.raises(LauncherError) as caught:
        compare(made)

    names = ", ".join(f"src/generated/{name}.ts" for name in ("gone", "new", "old"))
    assert f"({names}): run make client ARGS=--write" in str(caught.value)


def test_a_document_has_the_same_name_in_any_order() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint({"a": 1, "b": [1, 2]}) != fingerprint({"a": 1, "b": [2, 1]})


def test_the_readme_shows_code_that_compiles() -> None:
    readme = (node_packages.CLIENT / "README.md").read_text(encoding="utf-8")
    shown = readme.split("```ts\n")[1].split("```")[0].replace("onecard-client", "../src/onecard.js")
    compiled = (node_packages.CLIENT / "example" / "readme.ts").read_text(encoding="utf-8")

    assert [line.strip() for line in shown.splitlines() if line.strip() not in compiled] == []


def test_an_unknown_word_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["client", "--wirte"]) == 1
    assert "make client takes nothing or ARGS=--write, and not --wirte." in capsys.readouterr().err
