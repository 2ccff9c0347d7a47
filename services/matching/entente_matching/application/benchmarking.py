"""Measures the benchmarks among the creators that are held, now and then."""

import asyncio
import logging
from dataclasses import replace

from entente_chassis.refusal import Unavailable
from entente_matching.application.indexing import Indexer
from entente_matching.domain.measured import Measured, benchmarks_of, measure
from entente_matching.domain.reference import Reference

log = logging.getLogger(__name__)


async def keep_measured(indexer: Indexer, shipped: Reference, every: float) -> None:
    """Measure once after the creators are loaded, and then again and again.

    Args:
        indexer: reads all creators, and holds what is in force.
        shipped: what is in force where too few creators are held.
        every: seconds between two measurements.
    """
    while True:
        await asyncio.sleep(every)
        try:
            await measure_now(indexer, shipped)
        except Unavailable:
            log.warning("the database is away: the benchmarks stay as they are")


async def measure_now(indexer: Indexer, shipped: Reference) -> Reference:
    """Measure, and take what was measured into force."""
    await indexer.until_loaded()
    measured: Measured = {}
    async for batch in indexer.all_creators():
        await asyncio.to_thread(measure, [outcome.state for outcome in batch], measured)
    benchmarks = await asyncio.to_thread(benchmarks_of, measured, shipped.benchmarks, shipped.tiers)
    reference = replace(shipped, benchmarks=benchmarks)
    if list(benchmarks) != list(indexer.reference.benchmarks):
        await indexer.rebenchmark(reference)
        log.info("benchmarks measured", extra={"held": sum(one.source == "held" for one in benchmarks)})
    return reference
