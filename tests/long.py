"""The tests that `make test` leaves out to end in time. `make test-all` runs them all."""

import os
import re
import time
from collections.abc import Iterable

import pytest

LIMIT = "GATHERBENCH_LONG_TESTS_BEGIN_WITHIN_S"
"""The variable of the environment with the time, in seconds since pytest began, within which a long
test may begin. A later one is skipped. Without the variable, all run."""

_began_s = time.monotonic()  # each process of pytest-xdist has its own; they begin together

_TIMED = "packages/pytest-async-benchmark/tests/async_benchmark"
_GUARD = r"packages/session-guard/tests/session_guard"
_OUTPUT, _SERVER, _STUDIES = (rf"tests/bench/{name}" for name in ("output", "server", "studies"))

# Each has a shorter test beside it that would notice most of the same defects.
_PATTERNS = (
    # Extras run only if they are named.
    r"tests/accessors/.*\[.*(pg8000|psqlpy)",
    r"tests/bench/studies/streaming/test_proof\.py::.*(pg8000|psqlpy)",
    r"tests/test_tutorial\.py",
    r"tests/test_documents\.py::test_a_command_of_bench_runs\[(?!README.*bench list)",
    r"tests/accessors/test_discover\.py::test_a_list_of_backends_has.*\[(?!psycopg\])",
    r"tests/bench/cli/test_gate\.py::test_the_(gate_stops_what_is_slower|same_code_passes)",
    r"tests/bench/analysis/compare/test_gate\.py::test_what_is_called_visible",
    r"tests/bench/cluster/test_cluster\.py::test_(?!a_local_cluster|a_call|no_logger|another_form_is|without_distributed)",
    r"tests/bench/cli/test_workload_files\.py::test_a_command_takes_a_file\[(run|str|pool|cal)",
    r"tests/bench/cli/test_workload_files\.py::test_a_command.*\[verify-(?!AsyncSession|script|mixed|core-text)",
    r"tests/bench/cli/test_workload_files\.py::test_a_search_takes.*\[(?!mixed)",
    r"tests/bench/cli/test_workload_files\.py::test_a_(gate|slowed|budget)",
    r"tests/bench/cli/test_wrong_workload_files\.py::test_what.*\[(?!calibrate-a (round|transac))",
    r"tests/bench/cli/test_wrong_workload_files\.py::test_values_of_twins",
    r"tests/bench/cli/test_wrong_workload_files\.py::test_ctrl_c.*\[(?!saturate|calibrate)",
    r"tests/bench/cli/test_gate\.py::test_wrong_use_is_two_lines\[words[2-5]",
    r"tests/bench/analysis/test_open_loop\.py::test_simulated_waits_at_other_loads",
    r"tests/faults/test_poolers\.py::test_every_measuring.*\[(overhead|verify)",
    r"tests/faults/test_poolers\.py::test_a_backend_without_a_case",
    r"tests/bench/measure/test_failures\.py::test_(two_at_once|one_that_dies)",
    r"tests/bench/system/test_current_folder\.py::test_matplotlib_reads_no_settings_there\[(None|text)",
    r"tests/bench/system/test_current_folder\.py::test_no_command_imports.*\[run",
    r"tests/bench/cli/test_connect_factor\.py::test_(tables_without_the_factor|a_backend_of_your_own)",
    r"tests/bench/measure/test_guard\.py::test_a_result_says_whether_it_was_on\[options0",
    r"tests/bench/measure/test_interrupt\.py::test_another_signal_ends_it_in_order\[SIGHUP",
    r"tests/bench/measure/test_interrupt\.py::test_ctrl_c_with_a_server_of_its_own\[(mem|ver)",
    rf"{_OUTPUT}/charts/test_charts\.py::test_(a_quick_run_gives|sync_and_async_are_paired)",
    rf"{_OUTPUT}/charts/test_charts\.py::test_whatever_was_measured_can_be_drawn\[3-(?!streamed)",
    rf"{_OUTPUT}/charts/test_charts_command\.py::test_what_is_linked",
    rf"{_OUTPUT}/report/test_report\.py::test_one_report_holds",
    rf"{_OUTPUT}/report/test_pages_in_browser\.py::test_nothing_overlaps_or_is_cut_off\[1024",
    rf"{_SERVER}/test_embedded_accidents\.py::test_a_half_written_pid_file\[(12|x)",
    rf"{_STUDIES}/calibration/test_calibration\.py::test_real_rounds",
    rf"{_STUDIES}/network/test_latency\.py::test_(ctrl_c_leaves_no_proxy|a_proxy_that|a_report_is)",
    rf"{_STUDIES}/pool/test_command\.py::test_a_run_of_two",
    rf"{_STUDIES}/processes/test_processes\.py::test_a_process_that_is_killed",
    rf"{_OUTPUT}/terminal/test_progress\.py::test_lines_come_every_few_seconds",
    rf"{_OUTPUT}/terminal/test_progress\.py::test_(a_terminal_shows_the_progress\[120|without_colour)",
    rf"{_OUTPUT}/terminal/test_progress\.py::test_(quiet_says|a_terminal_without_a_screen)",
    rf"{_SERVER}/test_(hostile_role|encodings)\.py",
    rf"{_SERVER}/test_planted\.py::test_(what_is_planted|the_servers_user_cannot)(?!.*(PG_V|a_link-))",
    rf"{_SERVER}/test_urls_with_tls\.py::test_(every_driver_by_tls\[(?!verify-full)|a_run_by|a_latency)",
    rf"{_SERVER}/test_role_settings\.py::test_(a_timeout_can|the_way_out|a_standby)",
    rf"{_SERVER}/test_urls_end_to_end\.py::test_every_form_is_verified\[(?!key)",
    rf"{_STUDIES}/calibration/test_calibration\.py::test_(a_row|a_larger|the_command)",
    rf"{_STUDIES}/calibration/test_power\.py::test_a_whole_run",
    rf"{_STUDIES}/query/test_command\.py::test_(two_statements|a_file_and|history_shows|a_failed)",
    rf"{_STUDIES}/query/test_command\.py::test_(every_command|arguments_are.*\[--keep)",
    rf"{_STUDIES}/query/test_help\.py::test_an_example.*\['SELECT",
    rf"{_STUDIES}/query/test_extras\.py::test_what_an_extra_cannot_read",
    rf"{_STUDIES}/query/test_large_answers\.py::test_(a_value_of|a_million|a_gigabyte|1600_columns)",
    rf"{_STUDIES}/query/test_workload_file\.py::test_(what_a_file_prints|an_answer_of_the|one_workload)",
    rf"{_STUDIES}/query/test_units\.py::test_(a_made_database.*killed|functions_of_one_name|a_unit.*\[all)",
    rf"{_STUDIES}/query/test_(scripts|streaming|workload_file)\.py::.*\[all",
    rf"{_STUDIES}/query/test_units\.py::test_wrong_use.*\[(?!no_annotation|a_write|asyncio)",
    rf"{_STUDIES}/query/test_scripts\.py::test_(the_tables_of|a_script_that_cannot.*(command|zero|code))",
    r"tests/test_examples\.py::test_the_(bookings|six_functions)",
    rf"{_OUTPUT}/test_drawing\.py::test_charts_are_drawn_while",
    rf"{_OUTPUT}/report/test_pages_in_browser\.py::test_an_acc.*\[dark-(?!short report)",
    r"tests/bench/measure/test_interrupt\.py::test_ctrl_c_leaves_a_server_that_ran",
    rf"{_STUDIES}/query/test_latency\.py",
    rf"{_STUDIES}/pool/test_command\.py::test_pgbouncer",
    r"tests/bench/analysis/findings/test_evidence\.py::test_no_finding_outlives",
    rf"{_STUDIES}/query/test_arguments\.py::test_every_backend_takes_arguments_of_every_type",
    rf"{_STUDIES}/saturation/test_command\.py::test_a(_whole|n_interrupted)_search",
    rf"{_STUDIES}/microbench/test_suite\.py::test_a_(round_of_every_function|run_is_compared)",
    rf"{_STUDIES}/query/test_server_statistics\.py::test_the_servers_own_times",
    rf"{_GUARD}/two_phase/",
    rf"{_GUARD}/frameworks/test_middleware\.py::.*\[(psycopg-.*-[123]\]|.*-1\])",
    rf"{_GUARD}/clean_end/test_lessons\.py",
    rf"{_GUARD}/test_adoption\.py::test_adoption_is_one_step\[\w+-[1-9]",
    rf"{_GUARD}/test_pytest_plugin\.py::test_(with_xdist|an_instance|with_the_plugins|it_is_asked)",
    rf"{_GUARD}/clean_end/test_ways_to_leave\.py::test_a_(session|connection)\[\w+-(?!block|connects)",
    rf"{_TIMED}/test_(errors|options)\.py",
    rf"{_TIMED}/test_(anyio|pytest_asyncio)\.py::test_(uvloop|beside|one_loop|every_loop_scope_in_strict)",
    rf"{_TIMED}/test_timing\.py::test_(its_options|each_task.*\[2\])",
)
_LONG = re.compile("|".join(_PATTERNS))


def takes_long(name: str) -> bool:
    """Return whether this test is left to `make test-all`. `name`: pytest's id of the test."""
    return _LONG.match(name) is not None


def mark(items: Iterable[pytest.Item]) -> None:
    """Mark the tests that take long, so that `-m "not long"` leaves them out."""
    for item in items:
        if takes_long(item.nodeid):
            item.add_marker(pytest.mark.long)


def skip_if_late(item: pytest.Item) -> None:
    """Skip a long test that would begin too late. A test that has begun is never cut off."""
    limit = os.environ.get(LIMIT)
    late = limit is not None and time.monotonic() - _began_s > float(limit)
    if late and item.get_closest_marker("long"):
        pytest.skip(f"{LIMIT} is {limit}: no time is left for a further long test")
