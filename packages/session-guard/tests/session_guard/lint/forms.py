"""The corpus: forms of wrong and right code, in two halves, and the score of the lint on them.

`python -m tests.session_guard.lint.forms` prints precision and recall of each half. The lint was
tuned on the first half only. The checksum of its title assigns each form to a half.

Later folders came after the lint: `third`, `fourth`, and `others`, whose forms are those of public
code by other authors, written anew. The lint was mended after the first score of each.
`applications` has the forms of FastAPI, litestar, aiohttp, starlette, Celery, arq and taskiq.
"""

import re
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from session_guard.lint import check_paths
from session_guard.lint.configuration import Configuration

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Form:
    """One way to write something, in one or more files."""

    title: str
    batch: str
    files: tuple[tuple[str, str], ...]

    @property
    def is_tuned_on(self) -> bool:
        """Return whether the form is in the half that the lint was tuned on."""
        return zlib.crc32(self.title.encode()) % 2 == 0

    @property
    def expected(self) -> list[tuple[str, int, str]]:
        """The marked places: file, line and rule."""
        return [
            (name, number, rule)
            for name, text in self.files
            for number, line in enumerate(text.splitlines(), 1)
            for rule in re.findall(r"# (SG\d+)", line)
        ]

    def reported(self) -> list[tuple[str, int, str]]:
        """Return the reports of the lint: file, line and rule."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, text in self.files:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            report = check_paths(root / name for name, _ in self.files)
            by_default = Configuration()
            return [
                (finding.path.relative_to(root).as_posix(), finding.line, finding.rule)
                for finding in report.findings
                if by_default.applies(finding)
            ]


def read(folder: str) -> Iterator[Form]:
    """Yield the forms of a folder of the corpus."""
    for path in sorted((CORPUS / folder).glob("*.txt")):
        for part in re.split(r"^=== ", path.read_text(), flags=re.MULTILINE)[1:]:
            title, _, body = part.partition("\n")
            pieces = re.split(r"^--- (.+)\n", body, flags=re.MULTILINE)
            files = tuple(zip(pieces[1::2], pieces[2::2], strict=True)) or (("form.py", body),)
            yield Form(title, f"{folder}/{path.stem}", files)


@dataclass
class Score:
    """The counts of some forms."""

    wrong: int = 0
    found: int = 0
    right: int = 0
    flagged: int = 0
    true_reports: int = 0
    false_reports: int = 0

    def count(self, form: Form) -> bool:
        """Add a form. Return whether the lint judges it rightly."""
        rules = {rule for _, _, rule in form.expected}
        reports = form.reported()
        true = [report for report in reports if report[2] in rules]
        self.true_reports += len(true)
        self.false_reports += len(reports) - len(true)
        if rules:
            self.wrong += 1
            self.found += rules <= {rule for _, _, rule in reports}
        else:
            self.right += 1
            self.flagged += bool(reports)
        return rules == {rule for _, _, rule in reports}

    @property
    def precision(self) -> float:
        """The share of the flagged forms that are wrong."""
        return self.found / max(1, self.found + self.flagged)

    @property
    def recall(self) -> float:
        """The share of the wrong forms that are found."""
        return self.found / max(1, self.wrong)

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.0%}, recall {self.recall:.0%}"
            f" (found {self.found} of {self.wrong} wrong forms,"
            f" flagged {self.flagged} of {self.right} right ones;"
            f" {self.true_reports} true reports, {self.false_reports} false)"
        )


def score(forms: Iterable[Form]) -> tuple[Score, list[Form]]:
    """Return the score of forms, and the forms that the lint misjudges."""
    total = Score()
    return total, [form for form in forms if not total.count(form)]


def main() -> None:
    """Print the score of each half; with `--mistakes`, the titles of the first half's mistakes."""
    forms = [*read("wrong"), *read("right")]
    for title, tuned in (("tuned on", True), ("held back", False)):
        total, mistaken = score(form for form in forms if form.is_tuned_on is tuned)
        print(f"{title}: {total}")
        if "--mistakes" in sys.argv and tuned:
            for form in mistaken:
                print(f"  {form.batch}: {form.title}: {form.reported()}")
    for folder in sorted(path.name for path in CORPUS.iterdir() if path.name not in SPLIT):
        total, _ = score(read(folder))
        print(f"{folder}: {total}")


SPLIT = ("wrong", "right")

if __name__ == "__main__":
    main()
