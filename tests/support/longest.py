"""How long a test waits for what must come, before it says that it never came."""

from typing import Final

#: Nothing is measured by it: it ends a wait that would have no end, and a machine that is busy may take its time.
LONGEST_S: Final = 120.0
