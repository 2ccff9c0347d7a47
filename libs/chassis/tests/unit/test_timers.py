"""The timers' loop: what fails is tried again, and keeps no other from firing."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from entente_chassis.clock import ManualClock
from entente_chassis.refusal import Precondition
from entente_chassis.store import Change, Kind
from entente_chassis.store.memory import MemoryAggregates
from entente_chassis.timers import Timers

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Alarm:
    due_at: datetime | None


KIND = Kind[Alarm]("alarms", Alarm, due_at=lambda alarm: alarm.due_at)


async def test_timers_that_fail_for_good_do_not_keep_a_later_one_from_firing() -> None:
    clock = ManualClock(NOW)
    alarms = MemoryAggregates(KIND, clock)
    for number in range(250):
        await alarms.change(f"alarms/bad-{number}", lambda _: Change(Alarm(NOW - timedelta(days=1))))
    await alarms.change("alarms/good", lambda _: Change(Alarm(NOW)))

    async def fire(id: str) -> None:
        if "bad" in id:
            raise Precondition("NEVER", "it always says no")
        await alarms.change(id, lambda alarm: Change(replace(alarm, due_at=None)) if alarm else None)

    timers = Timers(alarms, fire, clock)
    for _ in range(3):
        await timers.fire_due()
    assert (await alarms.require("alarms/good", what="alarm")).state.due_at is None

    # One that somebody else has settled is not remembered for good.
    for number in range(250):
        await alarms.change(
            f"alarms/bad-{number}", lambda alarm: Change(replace(alarm, due_at=None)) if alarm else None
        )
    await timers.fire_due()
    assert not timers._not_before


async def test_a_call_that_another_cancelled_does_not_end_the_timers() -> None:
    clock = ManualClock(NOW)
    alarms = MemoryAggregates(KIND, clock)
    for name in "abc":
        await alarms.change(f"alarms/{name}", lambda _: Change(Alarm(NOW)))

    async def fire(id: str) -> None:
        if id == "alarms/b":
            call = asyncio.get_running_loop().create_future()
            call.cancel()
            await call
        await alarms.change(id, lambda alarm: Change(replace(alarm, due_at=None)) if alarm else None)

    loop = asyncio.create_task(Timers(alarms, fire, clock, every=0.01).run())
    await asyncio.sleep(0.1)
    assert not loop.done()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert [id for id, _ in await alarms.due(NOW, 10)] == ["alarms/b"]
