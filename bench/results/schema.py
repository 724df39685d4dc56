"""The schema of a results file. Every line is checked here when it is read, and only here.

A line that passes has the types and ranges on which the rest of `bench` relies. Any other line
raises `LineError`. Unknown fields are ignored. docs/results-format.md has the rules for readers.
"""

from functools import cache, lru_cache
from typing import Annotated, Any, Union

import msgspec
from msgspec import Meta, Struct

from accessors.api import Transactions
from bench.model.case import Allocator, Case, Loop, RowForm, SessionScope, Transport
from bench.model.declared import declare
from bench.model.fetch import Fetch
from bench.model.rate import ArrivalPattern
from bench.model.study import imported, studies
from bench.results.decoding import LineError, decode, refused
from bench.results.entries import Arrived, End, Entry, Failure, LinkCounts, Memory, Run
from bench.results.header import Conditions, Count, Header
from bench.results.packing import AT_RATE, COLUMNS, LARGEST, PACKED, unpack
from bench.results.samples import Samples
from bench.results.stored_samples import StoredSamples

FORMAT = 4
"""Version of the format. It increases if an older reader would misread a file. Older formats are
always read."""

Span = Annotated[int, Meta(ge=2, le=LARGEST)]
"""Nanoseconds that are used as a divisor, also halved: at least 2."""
Place = Annotated[int, Meta(ge=1, le=LARGEST)]
Name = Annotated[str, Meta(min_length=1, max_length=1000)]

LONGEST_TEXT = 10_000
"""The most characters of an error that are kept in memory. The file has all."""


class NewerFormatError(LineError):
    """A header line of a format above `FORMAT`."""

    def __init__(self, version: int) -> None:
        super().__init__(f"format {version}")
        self.version = version


class LinkFields(Struct):
    """The network between client and server."""

    latency_ns: Count = 0
    jitter_ns: Count = 0
    bytes_per_s: Annotated[float, Meta(gt=0, le=1e15)] | None = None


class PoolFields(Struct):
    """The pool that the clients share."""

    size: Place | None = None
    timeout_s: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    pooler_size: Place | None = None


class CaseFields(Struct):
    """The factors of a case."""

    backend: Name
    workload: Name
    fetch: Annotated[str, Meta(max_length=40)]
    concurrency: Place
    session_scope: SessionScope
    transactions: Transactions
    rows: RowForm
    loop: Loop
    size: Place | None = None
    twin: bool = False
    frozen: bool = False
    connect: Annotated[str, Meta(max_length=1000)] = ""
    allocator: Allocator = "warmed"
    link: LinkFields = msgspec.field(default_factory=LinkFields)
    transport: Transport = ""
    pool: PoolFields = msgspec.field(default_factory=PoolFields)
    rate: Place | None = None
    arrivals: ArrivalPattern = "poisson"
    processes: Annotated[int, Meta(ge=1, le=10_000)] = 1

    def case(self) -> Case:
        """Return the case. Raises `ValueError`, or `UsageError` for an unknown fetch."""
        return self.with_key()[0]

    def with_key(self) -> tuple[Case, str]:
        """Return the case and its key: one object for all lines of the case."""
        return _case_with_key(msgspec.msgpack.encode(self))


@lru_cache(maxsize=10_000)
def _case_with_key(packed: bytes) -> tuple[Case, str]:
    fields = msgspec.msgpack.decode(packed)
    fetch = Fetch.parse(fields["fetch"])
    if (fetch.batch_size or 0) > LARGEST:
        raise ValueError(f"the batch size in {fields['fetch']!r} is too large")
    case = Case.from_dict(fields)
    return case, case.key


class SamplesFields(Struct):
    """The packed columns of a piece of samples, which msgspec decodes from base 64.

    Up to format 3 there is `start_ns`, since then `gap_ns`. Neither is there if the samples are in
    lines of their own.
    """

    count: Count
    duration_ns: bytes = b""
    first_row_ns: bytes = b""
    rows: bytes = b""
    worker: bytes = b""
    gap_ns: bytes | None = None
    start_ns: bytes | None = None
    wait_ns: bytes | None = None
    late_ns: bytes | None = None
    errors: dict[Count, str] = {}
    pieces: Place | None = None

    def samples(self) -> Samples:
        """Return the samples, unpacked. Raises `ValueError`."""
        names: tuple[str, ...] = COLUMNS if self.gap_ns is None else PACKED
        if getattr(self, names[0]) is None:
            raise ValueError("samples has neither gap_ns nor start_ns")
        if misplaced := [position for position in self.errors if position >= self.count]:
            raise ValueError(f"samples.errors: there is no sample {misplaced[0]}")
        errors = {position: _shortened(error) for position, error in self.errors.items()}
        names += tuple(name for name in AT_RATE if getattr(self, name) is not None)
        return Samples(**unpack({n: getattr(self, n) for n in names}, self.count), errors=errors)


class EntryLine(Struct, tag_field="kind"):
    """A base class: a line of one case. A study derives the lines of its entries from it."""

    case: CaseFields
    key: str

    def entry(self) -> Entry:
        """Return the entry. Raises `ValueError` or `UsageError`."""
        raise NotImplementedError

    def fields(self) -> dict[str, Any]:
        """Return the line's fields, the case as `Case`."""
        case, key = self.case.with_key()
        if key != self.key:
            raise ValueError(f"key and case differ: {self.key[:200]!r} and {key!r}")
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name != "key"}
        return fields | {"case": case}


class ArrivedFields(Struct):
    """The arrivals of a run at a rate."""

    offered: Count
    unserved: Count
    carried: Count


class RunLine(EntryLine, tag="run"):
    """A line of kind `run`."""

    round: Count
    started_at: str
    window_ns: Span
    samples: SamplesFields
    client_cpu_ns: Count
    server_cpu_ns: Count | None
    elapsed_ns: Span
    loop_stall_max_ns: Count | None
    loop_stall_p99_ns: Count | None
    fewest_operations: Count
    most_operations: Count
    connections: Count | None = None
    other_cpu_ns: Count | None = None
    gc_ns: Count | None = None
    generation: Count | None = None
    machine_cpu_ns: Count | None = None
    arrived: ArrivedFields | None = None
    start_skew_ns: Count | None = None
    clock_error_ns: Count | None = None
    think_ns: Count | None = None

    def entry(self) -> Run:
        """Return the run, without the samples that are in lines of their own."""
        return self.run(StoredSamples([]))

    def run(self, samples: StoredSamples) -> Run:
        """Return the run with these samples."""
        arrived = Arrived(**msgspec.structs.asdict(self.arrived)) if self.arrived else None
        return Run(**self.fields() | {"samples": samples, "arrived": arrived})


class SamplesLine(Struct, tag_field="kind", tag="samples"):
    """A line of kind `samples`: a piece of the samples of the next run."""

    key: str
    round: Count
    piece: Count
    samples: SamplesFields


class MemoryLine(EntryLine, tag="memory"):
    """A line of kind `memory`."""

    peak_bytes: Count
    rows: Count
    elapsed_ns: Count | None = None
    first_row_ns: Count | None = None

    def entry(self) -> Memory:
        return Memory(**self.fields())


class LinkLine(EntryLine, tag=LinkCounts.kind):
    """A line of kind `link`."""

    round_trips: Count
    bytes_to_server: Count
    bytes_to_client: Count
    late_p50_us: Count | None
    late_p99_us: Count | None

    def entry(self) -> LinkCounts:
        return LinkCounts(**self.fields())


class FailureLine(EntryLine, tag="failure"):
    """A line of kind `failure`."""

    round: Count
    error: str

    def entry(self) -> Failure:
        return Failure(**self.fields() | {"error": _shortened(self.error)})


class EndLine(Struct, tag_field="kind", tag="end"):
    """The last line."""

    outcome: str
    reason: str = ""
    seconds: dict[str, Annotated[float, Meta(ge=0, le=LARGEST)]] = msgspec.field(
        default_factory=dict
    )

    def entry(self) -> End:
        return End(self.outcome, _shortened(self.reason), self.seconds)


class _Opening(Struct, tag_field="kind", tag="header"):
    """The part of a header line that every format has."""

    format: int


class _Planned(Struct):
    """The plan of a header line. `Conditions` has the other fields."""

    plan: list[CaseFields]


_OPENING = msgspec.json.Decoder(_Opening)
_CONDITIONS = msgspec.json.Decoder(Conditions)
_PLANNED = msgspec.json.Decoder(_Planned)
_LINES = (RunLine, SamplesLine, MemoryLine, LinkLine, FailureLine, EndLine)


class _Keyed(Struct):
    """The part of a line that names its case; an `end` has no key."""

    kind: str = ""
    key: str = ""


_KEYED = msgspec.json.Decoder(_Keyed)

AnyLine = EntryLine | SamplesLine | EndLine


def read_header(line: bytes) -> Header:
    """Return the header in a file's first line. Raises `LineError`."""
    version = decode(_OPENING, line).format
    if version > FORMAT:
        raise NewerFormatError(version)
    if version < 1:
        raise LineError(f"there is no format {version}")
    conditions = decode(_CONDITIONS, line)
    planned = decode(_PLANNED, line).plan
    with refused():
        plan = dict.fromkeys(fields.case() for fields in planned)
    for name, facts in conditions.statements.items():
        declare(
            name,
            facts.reads or {name: 1},
            facts.description,
            facts.rows,
            units=bool(facts.units),
            changes=facts.changes,
        )
    return Header(**vars(conditions), plan=tuple(plan))


def read_line(line: bytes) -> AnyLine:
    """Return the fields of a line after the first. Raises `LineError`."""
    fields: AnyLine = decode(_line(), line)
    return fields


def outcome_of(line: bytes) -> str | None:
    """Return the outcome in a line; None if it is no end line. Raises `LineError`."""
    fields = read_line(line)
    return fields.outcome if isinstance(fields, EndLine) else None


def read_samples(line: bytes) -> Samples:
    """Return the samples in a line of kind `run` or `samples`. Raises `LineError`."""
    fields = read_line(line)
    if not isinstance(fields, RunLine | SamplesLine):
        raise LineError("it holds no samples")
    with refused():
        return fields.samples.samples()


def key_of(line: bytes) -> str:
    """Return the key of the case that a line is about; empty for none. Raises `LineError`."""
    try:
        return _KEYED.decode(line).key
    except ValueError:  # `decode` also reads what older versions wrote, and has the reason
        return decode(_KEYED, line).key


@cache
def _line() -> "msgspec.json.Decoder[Any]":
    """Return the decoder of every kind of line, those of the installed studies included."""
    of_studies = (imported(name) for study in studies() for name in study.entries)
    return msgspec.json.Decoder(Union[(*_LINES, *of_studies)])


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " ..."
