"""The errors that are expected. They are shown as one or two lines, without a traceback."""


class BenchError(Exception):
    """A failure of a command. The text says what happened, where, and what to type next."""

    exit_code = 1


class UsageError(BenchError):
    """A command that cannot be carried out as it was typed."""

    exit_code = 2
