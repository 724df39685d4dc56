"""The first line of a results file: run config, dataset and environment.

docs/results-format.md explains every field. A field that a file does not have is None or empty:
older formats have fewer fields. `bench.results.schema` checks a line when it is read.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from bench.model.case import Case
from bench.model.rate import LEAST_S
from bench.results.samples import LARGEST
from bench.results.statement import StatementFacts
from bench.system.processors import Halves

Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Amount = Annotated[int, Meta(ge=0, le=LARGEST)] | Annotated[float, Meta(ge=0, le=LARGEST)]
Timestamp = Annotated[str, Meta(pattern=r"\A(\d{4}-\d\d-\d\d([T ][0-9:.+Z-]*)?)?\Z")]
"""A time in ISO 8601, or empty."""


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """The dataset that was measured: scale, seed, number of rows, and hash."""

    scale: Amount | None = None
    seed: int | None = None
    more_customers: Count | None = None
    address: Count | None = None
    customer: Count | None = None
    item: Count | None = None
    orders: Count | None = None
    order_items: Count | None = None
    content: str | None = None
    digest: str | None = None

    @property
    def in_words(self) -> str:
        """`scale 1, seed 2`, with `?` for a value that the file does not have."""
        scale, seed = ("?" if value is None else value for value in (self.scale, self.seed))
        return f"scale {scale}, seed {seed}"


@dataclass(frozen=True, kw_only=True)
class Host:
    """The machine."""

    system: str | None = None
    machine: str | None = None
    cpu: str | None = None
    cpu_generation: str | None = None
    cores: Count | None = None
    memory_bytes: Count | None = None
    load_1min: Amount | None = None

    @property
    def name(self) -> str | None:
        """The processor's model, or its architecture if the model is unknown."""
        return self.cpu or self.machine


@dataclass(frozen=True, kw_only=True)
class ClientMachine:
    """A machine of a cluster that clients ran on."""

    name: str | None = None
    """Its host name, and its address in the cluster."""
    workers: Count = 1
    """The number of the cluster's workers on it."""
    host: Host = field(default_factory=Host)
    python: str | None = None
    implementation: str | None = None
    gil: bool | None = None
    gatherbench: str | None = None
    packages: dict[str, str] = field(default_factory=dict)
    """Package -> version, as far as the run needs them."""
    clock_error_ns: Count | None = None
    """The error with which it knew the server's clock before the run."""


@dataclass(frozen=True, kw_only=True)
class Git:
    """The commit of gatherbench that measured."""

    revision: str
    changed: bool = False


@dataclass(frozen=True, kw_only=True)
class Server:
    """The PostgreSQL server."""

    version: str | None = None
    url: str | None = None
    transport: str | None = None
    local: bool | None = None
    pooler: str | None = None
    """The mode of the connection pooler between backends and server; None without one."""
    settings: dict[str, str | None] = field(default_factory=dict)
    changed_settings: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Machine, interpreter, server and versions."""

    host: Host = field(default_factory=Host)
    python: str | None = None
    implementation: str | None = None
    gil: bool | None = None
    gatherbench: str | None = None
    git: Git | None = None
    server: Server = field(default_factory=Server)
    packages: dict[str, str] = field(default_factory=dict)
    """Package -> version, for a lesson. A run has the versions with its backends."""

    def as_dict(self) -> dict[str, Any]:
        """Return the environment as in files; `packages` only if there are any."""
        fields = asdict(self)
        return fields if self.packages else {k: v for k, v in fields.items() if k != "packages"}


@dataclass(frozen=True, kw_only=True)
class BackendFacts:
    """The facts about a backend that charts and the fairness card show."""

    colour: str | None = None
    """The backend's mode, `sync` or `async`. Every format of result files calls it `colour`."""
    layer: str | None = None
    driver: str | None = None
    card: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


NOT_DESCRIBED = BackendFacts()
"""A backend that is not in the header."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The header without its plan."""

    created_at: Timestamp = ""
    label: str | None = None
    command: str | None = None
    profile: str | None = None
    rounds: Count | None = None
    seconds: Amount | None = None
    warm_up_s: Amount | None = None
    budget_s: Amount | None = None
    """Seconds for all turns, if the run had a budget in place of a number of rounds."""
    load_model: str | None = None
    session_guard: bool | None = None
    worker_state: str | None = None
    """The state of every worker process before its first clock."""
    verified: dict[str, Count] | None = field(default_factory=dict)
    """Backend -> number of right answers; None if the run was not verified."""
    verified_before: list[str] | None = None
    """The backends that an earlier command verified, with equal code, rows and server."""
    leaves_out: str | None = None
    impossible: dict[str, str] = field(default_factory=dict)
    pinned: Halves | None = None
    """The processors that clients and server were kept on; None if the kernel chose."""
    connect: tuple[str, ...] = ()
    """The settings of `--connect`, as they were given."""
    dataset: DatasetFacts = field(default_factory=DatasetFacts)
    environment: Environment = field(default_factory=Environment)
    backends: dict[str, BackendFacts] = field(default_factory=dict)
    statements: dict[str, StatementFacts] = field(default_factory=dict)
    """Workload -> the statement of the user's own that it runs."""
    cluster: tuple[ClientMachine, ...] = ()
    """The machines that the clients ran on, if a Dask scheduler placed them."""

    @property
    def packages(self) -> dict[str, str]:
        """Package -> version, of all backends together."""
        return {
            package: version
            for backend in self.backends.values()
            for package, version in backend.versions.items()
        }

    @property
    def null_backends(self) -> set[str]:
        """The names of the backends that answer from memory."""
        return {name for name, backend in self.backends.items() if backend.layer == "null"}

    @property
    def seconds_in_words(self) -> str:
        """The length of a run without its unit; `?` if the file does not have it."""
        return "?" if self.seconds is None else str(self.seconds)

    @property
    def rate_seconds_in_words(self) -> str:
        """The least length of a run at an arrival rate, without its unit."""
        return f"{max(LEAST_S, self.seconds or 0):g}"

    def backend(self, name: str) -> BackendFacts:
        """Return the facts about a backend; `NOT_DESCRIBED` if the header has none."""
        return self.backends.get(name, NOT_DESCRIBED)


@dataclass(frozen=True, kw_only=True)
class Header(Conditions):
    """The first line, without `kind` and `format`."""

    plan: Sequence[Case] = ()
    """Every planned case, in the order of tables."""

    def as_dict(self) -> dict[str, Any]:
        """Return the header as in `run.jsonl`."""
        fields = {name: getattr(self, name) for name in Conditions.__dataclass_fields__}
        if self.statements:
            fields["statements"] = {n: asdict(facts) for n, facts in self.statements.items()}
        else:
            del fields["statements"]
        if self.pinned:
            fields["pinned"] = asdict(self.pinned)
        else:
            del fields["pinned"]
        fields["cluster"] = [asdict(machine) for machine in self.cluster]
        if not self.cluster:
            del fields["cluster"]
        return fields | {
            "dataset": asdict(self.dataset),
            "environment": self.environment.as_dict(),
            "backends": {name: asdict(backend) for name, backend in self.backends.items()},
            "plan": [case.as_dict() for case in self.plan],
        }
