"""The end of a process that was forked: with a code of its own, and never on as its parent."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn


def live_and_end(work: Callable[[], int | None]) -> NoReturn:
    """Do the work in a process that was just forked, and end that with the code that comes back; None is 0.

    A fault is told on standard error and is 1. Nothing of the parent is run: no handler at exit, no block that it has
    open, and what it had not yet written to standard output is not written twice.
    """
    code = 1
    try:
        code = work() or 0
    except BaseException:  # noqa: BLE001  whatever it is, this process must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
