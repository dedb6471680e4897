"""The time of the event loop, which a test moves on: what waits for seconds in it has waited them, however many."""

import asyncio


def let_pass(seconds: float) -> None:
    """So much time has passed at once for everything that waits in the running loop; each test has a loop of its own.

    A wait that must run out is as long as no busy machine makes it, and ends when the test says so.
    """
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # a loop has no other way to be told
