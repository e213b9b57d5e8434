"""The one exception whose message is written for the person at the terminal."""

FAILED = 1
"""Exit status: the program or its deployment failed."""

WRONG_USAGE = 2
"""Exit status: the command was wrong, or a tool it needs is missing."""


class SandboxError(Exception):
    """A fault that its reader can act on: shown as one message, without a traceback."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
