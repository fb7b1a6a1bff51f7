"""The German catalog of the back office and of a person's rules: finds its texts in the code, and compiles it.

It needs GNU gettext.

`python -m onecard.dev.german` says what is not translated; with --write it brings the catalog up to date first. The
product itself reads only the compiled catalog, which is committed.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
CATALOG: Final = Path("locale") / "de" / "LC_MESSAGES" / "django.po"
# What cardholders' apps read has one language, and Unfold's texts have a catalog of their own.
NOT_OURS: Final = (
    "tests/*",
    ".venv/*",
    "clients/*",
    "onecard/api/*",
    "onecard/locale_unfold/*",
)


def extract(root: Path) -> None:
    """Brings the catalog below `root` up to date with the texts of the code there."""
    ignored = [option for pattern in NOT_OURS for option in ("-i", pattern)]
    options = ["-l", "de", "--no-wrap", "--no-location", "--no-obsolete", *ignored]
    script = "import sys; from django.core.management import execute_from_command_line as run; run(sys.argv)"
    subprocess.run(
        [sys.executable, "-c", script, "makemessages", *options],
        cwd=root,
        check=True,
        stdout=subprocess.DEVNULL,
        # Without settings the command needs neither a database nor a key.
        env={"PATH": os.environ.get("PATH", "")},
    )


def clean(catalog: Path) -> list[str]:
    """Empties guesses, compiles the catalog, and returns the texts that it does not have in German."""
    import polib

    written: Any = polib.pofile(str(catalog), wrapwidth=0)
    for entry in written:
        if entry.fuzzy:
            entry.msgstr, entry.msgstr_plural = "", dict.fromkeys(entry.msgstr_plural, "")
            entry.flags = [flag for flag in entry.flags if flag != "fuzzy"]
            entry.previous_msgctxt = entry.previous_msgid = entry.previous_msgid_plural = None
    # The day of an extraction would differ each time.
    written.metadata.pop("POT-Creation-Date", None)
    written.save()
    catalog.with_suffix(".mo").write_bytes(written.to_binary())
    return [str(entry.msgid) for entry in written if not entry.translated()]


def main() -> int:
    if "--write" in sys.argv:
        extract(ROOT)
    missing = clean(ROOT / CATALOG)
    for text in missing:
        print(text)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
