"""Shared by all tests."""

import pytest
from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)  # no test depends on how fast the machine is
settings.load_profile("no_deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--every-way``: see tests/flow/conftest.py."""
    parser.addoption("--every-way", action="store_true", help="each flow test on all transports and in both eras")


def pytest_configure(config: pytest.Config) -> None:
    """The markers of our own."""
    config.addinivalue_line("markers", "same_process: reaches into the server, which stdio puts into another process")


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"
