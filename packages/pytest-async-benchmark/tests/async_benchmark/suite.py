"""A user's test suite, and pytest run on it in a process of its own."""

import json
from typing import Any

import pytest


class Suite:
    """A user's folder of tests."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.folder = pytester.path

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)

    def run(self, *options: str) -> pytest.RunResult:
        """Run the suite as its user would, but with few rounds. A warning is an error."""
        fast = ("--benchmark-max-time=0.02", "--benchmark-min-rounds=3")
        asyncio = (
            "-oasyncio_default_fixture_loop_scope=function",
        )  # pytest-asyncio warns without it
        if "no:asyncio" in options:
            asyncio = ()
        return self.run_bare("-Werror", *asyncio, *fast, *options)

    def run_bare(self, *options: str) -> pytest.RunResult:
        return self._pytester.runpytest_subprocess(*options)

    def measured(self, *options: str) -> list[dict[str, Any]]:
        """Return the benchmarks in the JSON of a run without failures."""
        file = self.folder / "figures.json"
        result = self.run(f"--benchmark-json={file}", *options)
        assert result.ret == 0, result.stdout.str()
        benchmarks: list[dict[str, Any]] = json.loads(file.read_text())["benchmarks"]
        return benchmarks
