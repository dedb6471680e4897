"""Shared by all tests."""

import pytest
from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)  # no test depends on how fast the machine is
settings.load_profile("no_deadline")


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"
