"""The mistakes we foresee: shown as one or two lines, never as a traceback."""


class BenchError(Exception):
    """A run that failed. The text says what happened, where, and what to type next."""

    exit_code = 1


class UsageError(BenchError):
    """A command that cannot be carried out as it was typed."""

    exit_code = 2
