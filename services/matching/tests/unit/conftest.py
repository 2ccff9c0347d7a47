"""What the unit tests of matching share."""

from datetime import UTC, datetime

import pytest

from entente_matching.adapters.reference import load_reference
from entente_matching.domain.creators import Moment
from entente_matching.domain.reference import Reference


@pytest.fixture(scope="session")
def reference() -> Reference:
    """The tables that are shipped."""
    return load_reference()


@pytest.fixture
def now() -> Moment:
    """A present, by both clocks."""
    return Moment(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 12, tzinfo=UTC))
