"""The table of claims in docs/method.md, from the file of an audit."""

import os
from collections.abc import Sequence
from pathlib import Path

from bench.studies.audit import result_file
from bench.studies.audit.result_file import Audit, CheckedClaim

HEADINGS = ("claim", "how it is tested", "truth", "measured", "before", "holds")


def blocks(folder: Path, document: Path) -> dict[str, str]:
    """Return the block `audit` as Markdown. `document` is the folder of the document.

    Raises `BenchError` if the folder has no audit.
    """
    audit = result_file.read(folder)
    shown = Path(os.path.relpath(folder, document)).as_posix()
    return {"audit": f"{table(audit.claims)}\n\n{_where(audit, shown)}"}


def table(claims: Sequence[CheckedClaim]) -> str:
    """Return the claims as a table in Markdown."""
    rows = [
        (
            claim.statement,
            claim.method,
            claim.truth,
            f"{claim.measured} ({claim.where})" if claim.where else claim.measured,
            claim.before,
            "yes" if claim.holds else "**no**",
        )
        for claim in claims
    ]
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _where(audit: Audit, shown: str) -> str:
    return f"`bench audit`, {audit.where}. The file is in [{shown}]({shown}/)."
