"""How fast e-mails go to each provider: token buckets on the machine's own clock, one set for each process."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

_PROVIDERS_KEPT = 10_000


class Rates:
    """Token buckets by provider: the part of an address after the @.

    Args:
        limits: e-mails a second for providers by name.
        others: for each of the others; 0 for no limit.
        now: seconds that never go back.
    """

    def __init__(
        self,
        limits: Mapping[str, float] | None = None,
        *,
        others: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = {name.lower(): rate for name, rate in (limits or {}).items()}
        self._others = others
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # provider -> (tokens, at)

    def take(self, address: str) -> float:
        """Take a token: 0 when there was one, else the seconds until there is. A bucket holds a second's tokens."""
        provider = address.rpartition("@")[2].lower()
        rate = self._limits.get(provider, self._others)
        if rate <= 0:
            return 0.0
        full = max(1.0, rate)
        tokens, at = self._buckets.pop(provider, (full, self._now()))
        now = self._now()
        tokens = min(full, tokens + (now - at) * rate)
        missing = max(0.0, 1.0 - tokens)
        self._buckets[provider] = (tokens if missing else tokens - 1.0, now)
        if len(self._buckets) > _PROVIDERS_KEPT:
            self._buckets.popitem(last=False)
        return missing / rate
