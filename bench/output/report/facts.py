"""What was asked, and on what: the header of a results file in words."""

from collections.abc import Mapping
from typing import Any

from bench.analysis.findings.finding import listed
from bench.analysis.selection import Selection
from bench.results.file import Results


def question(selection: Selection) -> str:
    """What was asked, in a sentence; names between backquotes."""
    summaries = selection.summaries
    backends = len([look for look in selection.looks.values() if not look.null])
    crowds = sorted({each.case.concurrency for each in summaries})
    fetches = list(dict.fromkeys(each.case.fetch.mode for each in summaries))
    words = listed([f"`{workload}`" for workload in selection.workloads] or ["nothing"])
    sentence = f"What {words} cost through {backends} backend{'' if backends == 1 else 's'}"
    if crowds:
        sentence += f", with {listed([str(crowd) for crowd in crowds], 'or')} "
        sentence += "task or thread" if crowds == [1] else "tasks or threads"
    if len(fetches) > 1:
        sentence += f", {listed(fetches, 'or')}"
    return sentence


def facts(results: Results, selection: Selection) -> dict[str, str]:
    """Name -> value, in the order of the page; what the header does not say is left out."""
    header = results.header
    environment = header.get("environment") or {}
    server = environment.get("server") or {}
    found = {
        "Measured": str(header.get("created_at") or "").replace("T", " ").replace("+00:00", " UTC"),
        "Machine": _machine(environment.get("host") or {}),
        "Server": f"PostgreSQL {server.get('version', '?')} by {server.get('transport', '?')}"
        + ("" if server.get("local", True) else ", on another machine"),
        "Client": _client(header),
        "Rows": _rows(header.get("dataset") or {}),
        "Method": f"closed loop, {selection.rounds_in_words} of {header.get('seconds', '?')} s, "
        "shuffled and interleaved",
        "Verified": _verified(header.get("verified")),
        "Not asked": str(header.get("leaves_out") or ""),
    }
    return {name: value for name, value in found.items() if value}


def _machine(host: Mapping[str, Any]) -> str:
    memory, cores = host.get("memory_bytes"), host.get("cores")
    parts = [
        str(host.get("cpu") or host.get("machine") or "unknown"),
        str(host.get("cpu_generation") or ""),
        f"{cores} core{'' if cores == 1 else 's'}" if cores else "",
        f"{memory / 1e9:.0f} GB" if memory else "",
        str(host.get("system") or ""),
    ]
    return ", ".join(part for part in parts if part)


def _client(header: Mapping[str, Any]) -> str:
    environment = header.get("environment") or {}
    packages = dict(environment.get("packages") or {})
    for about in (header.get("backends") or {}).values():
        packages |= about.get("versions") or {}
    parts = [f"{environment.get('implementation', 'Python')} {environment.get('python', '?')}"]
    parts += [f"{name} {version}" for name, version in sorted(packages.items())]
    git = environment.get("git") or {}
    if git.get("revision"):
        changed = ", changed" if git.get("changed") else ""
        parts.append(f"gatherbench {git['revision'][:9]}{changed}")
    return ", ".join(parts)


def _rows(dataset: Mapping[str, Any]) -> str:
    tables = [
        f"{dataset[name]:,} {words}"
        for name, words in (
            ("customer", "customers"),
            ("orders", "orders"),
            ("order_items", "lines"),
        )
        if isinstance(dataset.get(name), int)
    ]
    scale = f"scale {dataset['scale']:g}" if "scale" in dataset else ""
    seed = f"seed {dataset['seed']}" if "seed" in dataset else ""
    return ", ".join(part for part in (scale, seed, *tables) if part)


def _verified(checks: Mapping[str, int] | None) -> str:
    if not checks:
        return "nothing"
    counts = sorted(set(checks.values()))
    many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{many} answers of each of {len(checks)} backends, before anything was timed"
