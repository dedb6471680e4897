"""A server whose clock a test sets: ``python -m tests.support.ahead serve``; in the test's own process: ``clock=``."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from mcp_server.cli import serve
from mcp_server.cli.program import main
from mcp_server.clock import SystemClock

_NAME: Final = "ahead"


class AheadClock(SystemClock):
    """The machine's time and the seconds that the file ``ahead`` of this directory says."""

    def __init__(self, home: Path) -> None:
        self._file = home / _NAME

    def now(self) -> datetime:
        """Aware UTC."""
        ahead = float(self._file.read_text()) if self._file.exists() else 0.0
        return super().now() + timedelta(seconds=ahead)

    def set(self, ahead: timedelta) -> None:
        """From now on the time is so far ahead of the machine's."""
        self._file.write_text(str(ahead.total_seconds()))


if __name__ == "__main__":
    setattr(serve, "SystemClock", lambda: AheadClock(Path(os.environ["MERAKI_SPECIALIST_HOME"])))  # noqa: B010  mypy
    main()
