"""The error that a user can cause: one line, no traceback."""


class UsageError(ValueError):
    """A flag, file or combination that cannot work; the message says the value, the limit and the remedy.

    Raised inside a fairseq command it ends the command with that one line and exit code 2 (``compat``).
    """
