"""A fresh simulated cloud for each test."""

import pytest

from tests.support.simulated import Simulated


@pytest.fixture
def cloud() -> Simulated:
    """The seeded cloud."""
    return Simulated()
