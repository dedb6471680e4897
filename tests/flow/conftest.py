"""Flow tests: the whole product through a real MCP client, against the sandbox over TCP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.stage import Stage, accepting, staged

SECRETS: Final = {"PARTNER": "vinte-e-duas-letras-da-senha", "AULA": "giz-e-lousa-2026"}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage over HTTP in era 2026-07-28, with a person who says yes and the secrets of the rows."""
    async with staged(tmp_path / "home", answer=accepting, given={"secrets": SECRETS}) as one:
        yield one
