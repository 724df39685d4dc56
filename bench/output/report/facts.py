"""The header of a results file in words: the question, the environment and the method."""

from collections.abc import Mapping

from bench.analysis.findings.finding import listed
from bench.analysis.selection import Selection
from bench.output.report.tables import MOST_RATES
from bench.results.file import Results
from bench.results.header import DatasetFacts, Header, Host


def question(selection: Selection) -> str:
    """Return the question that the run answers, in words; names are in backquotes."""
    summaries = (*selection.summaries, *selection.at_rate)
    workloads = list(dict.fromkeys(summary.case.workload for summary in summaries))
    backends = len([look for look in selection.looks.values() if not look.null])
    concurrencies = sorted({summary.case.concurrency for summary in summaries})
    fetches = list(dict.fromkeys(summary.case.fetch.mode for summary in summaries))
    words = listed([f"`{workload}`" for workload in workloads] or ["nothing"])
    sentence = f"The cost of {words} through {backends} backend{'' if backends == 1 else 's'}"
    if concurrencies:
        sentence += f", with {listed([str(number) for number in concurrencies], 'or')} "
        sentence += "task or thread" if concurrencies == [1] else "tasks or threads"
    rates = sorted({summary.case.rate for summary in summaries if summary.case.rate})
    if rates:
        named = listed([f"{rate:,}" for rate in rates], "or")
        if len(rates) > MOST_RATES:
            named = f"{len(rates)} rates from {rates[0]:,} to {rates[-1]:,}"
        sentence += f", at {named} arrivals/s"
    if len(fetches) > 1:
        sentence += f", {listed(fetches, 'or')}"
    return sentence


def facts(results: Results, selection: Selection) -> dict[str, str]:
    """Return name -> value, in the order of the page, without facts that the header lacks."""
    header = results.header
    server = header.environment.server
    values = {
        "Measured": header.created_at.replace("T", " ").replace("+00:00", " UTC"),
        "Machine": _machine(header.environment.host),
        "Server": f"PostgreSQL {server.version or '?'} by {server.transport or '?'}"
        + (", on another machine" if server.local is False else ""),
        "Client": _client(header),
        "Rows": _rows(header.dataset),
        "Method": f"{selection.load_in_words}, {selection.windows_in_words}, shuffled and"
        f" interleaved, {header.pinned or 'not pinned'}",
        "Verified": _verified(header.verified),
        "Not measured": header.leaves_out or "",
    }
    return {name: value for name, value in values.items() if value}


def _machine(host: Host) -> str:
    memory, cores = host.memory_bytes, host.cores
    parts = [
        host.name or "unknown",
        host.cpu_generation or "",
        f"{cores} core{'' if cores == 1 else 's'}" if cores else "",
        f"{memory / 1e9:.0f} GB" if memory else "",
        host.system or "",
    ]
    return ", ".join(part for part in parts if part)


def _client(header: Header) -> str:
    environment = header.environment
    packages = environment.packages | header.packages
    parts = [f"{environment.implementation or 'Python'} {environment.python or '?'}"]
    parts += [f"{name} {version}" for name, version in sorted(packages.items())]
    if git := environment.git:
        parts.append(f"gatherbench {git.revision[:9]}{', changed' if git.changed else ''}")
    return ", ".join(parts)


def _rows(dataset: DatasetFacts) -> str:
    counts = {
        "customers": dataset.customer,
        "orders": dataset.orders,
        "lines": dataset.order_items,
    }
    tables = [f"{count:,} {words}" for words, count in counts.items() if count is not None]
    scale = "" if dataset.scale is None else f"scale {dataset.scale:g}"
    seed = "" if dataset.seed is None else f"seed {dataset.seed}"
    return ", ".join(part for part in (scale, seed, *tables) if part)


def _verified(checks: Mapping[str, int] | None) -> str:
    if not checks:
        return "nothing"
    if not any(checks.values()):
        through = f"{len(checks)} backends" if len(checks) > 1 else "one backend"
        return f"what units of work return, equal through {through}"
    counts = sorted(set(checks.values()))
    many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    of_whom = f"each of {len(checks)} backends" if len(checks) > 1 else "one backend"
    return f"{many} answers of {of_whom}, before any measurement"
