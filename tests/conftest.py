"""Shared by all tests."""

import pytest
from coverage import Coverage
from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)  # no test depends on how fast the machine is
settings.load_profile("no_deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--every-way``: see tests/flow/conftest.py."""
    parser.addoption("--every-way", action="store_true", help="each flow test on all transports and in both eras")


def pytest_configure(config: pytest.Config) -> None:
    """The markers of our own."""
    config.addinivalue_line("markers", "same_process: reaches into the server, which stdio puts into another process")


def pytest_sessionfinish() -> None:
    """Keep what ``scripts/test --coverage`` measured: one of two processes may be killed before it ends by itself."""
    measured = Coverage.current()
    if measured is not None:
        measured.save()


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"
