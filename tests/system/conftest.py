"""Every run has servers of its own."""

import pytest


@pytest.fixture(autouse=True)
def own_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Topics without a past are needed, so that servers of the environment are of no use."""
    monkeypatch.delenv("ENTENTE_KAFKA_BOOTSTRAP", raising=False)
    monkeypatch.delenv("ENTENTE_MONGO_URI", raising=False)
