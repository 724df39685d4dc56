"""The study of connection pools, as the core sees it."""

from bench.model.study import Probe, Study

_PACKAGE = "bench.studies.pool"

STUDY = Study(
    name="pool",
    profiles={"pool": "bench pool", "pool-quick": "bench pool --quick"},
    plain_run="bench pool",
    warned=True,
    probes=(
        Probe("pool waits", f"{_PACKAGE}.waits:watch_pool", seconds=0.4, alone=False),
        Probe("pool deadlock", f"{_PACKAGE}.deadlock:take_two", seconds=0.7, alone=False),
    ),
    entries=(f"{_PACKAGE}.entries:PoolWaitsLine", f"{_PACKAGE}.entries:DeadlockLine"),
    findings=f"{_PACKAGE}.findings:findings",
    columns=f"{_PACKAGE}.columns:columns",
    charts=f"{_PACKAGE}.charts:figures",
    table=f"{_PACKAGE}.table:render",
    report=f"{_PACKAGE}.report:section",
)
