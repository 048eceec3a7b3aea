"""What the operator is told when something cannot be done."""


class CannotRun(Exception):
    """One plain sentence for the operator and the exit code to end with; never shown as a traceback."""

    def __init__(self, sentence: str, *, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
