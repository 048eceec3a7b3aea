"""Where commands print tables."""

from typing import Final

from rich.console import Console

WIDE: Final = 300


def wide_console() -> Console:
    """Tables stand at their own width and are never cut, so that ids can be copied and output can be piped."""
    return Console(soft_wrap=True, highlight=False, width=WIDE)
