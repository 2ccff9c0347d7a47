from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.campaign.tests.unit.suite import Suite, running


@pytest.fixture
async def suite(tmp_path: Path) -> AsyncIterator[Suite]:
    """A service of its own for each test."""
    async with running(tmp_path) as suite:
        yield suite
