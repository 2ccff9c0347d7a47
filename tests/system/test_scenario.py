"""The whole campaign comes to the same end, whatever happens on the way."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.system.world import world, write_figures

# Each is killed while parts that lean on it are being played: when it is called, and when it has events to handle.
# (Not matching while creators are invited: campaign answers without it, and who declines at once stays without a fit.)
MOMENTS = {
    "matching": ("import_creators", "close"),
    "campaign": ("answer_applications", "receive"),
    "messaging": ("invite_and_apply", "ship"),
    "review": ("publish", "decide"),
    "analytics": ("create_links", "sell"),
}
MEMORY_MB = {"matching": 220, "analytics": 220, "campaign": 130, "messaging": 130, "review": 130}
READY_SECONDS = 3.0
# A machine that builds or tests other things meanwhile may take this much longer.
PATIENCE = 2.0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The end of a run to which nothing happens; services are measured before and after it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ENTENTE_KAFKA_BOOTSTRAP", raising=False)
        patch.delenv("ENTENTE_MONGO_URI", raising=False)
        with world(tmp_path_factory.mktemp("undisturbed")) as ours:
            idle = {name: ours.stack.process(name).memory_bytes / 2**20 for name in MEMORY_MB}
            end = asyncio.run(ours.play())
            return end | {"idle_mb": idle, "ready_s": {name: ours.ready_seconds(name) for name in MEMORY_MB}}


def test_the_scenario_comes_to_its_end(undisturbed: dict[str, Any]) -> None:
    figures = undisturbed["figures"]
    assert figures["creators_imported"] == 19
    assert figures["creators_rejected"] == 1
    assert (figures["invited"], figures["applications"], figures["accepted"], figures["declined"]) == (6, 7, 8, 4)
    assert (figures["shipped"], figures["received"], figures["published"]) == (8, 8, 8)
    assert (figures["submissions"], figures["changes_requested"]) == (11, 3)
    assert (figures["approved"], figures["auto_approved"]) == (6, 2)
    assert (figures["conversions"], figures["refunds"]) == (8, 1)
    assert figures["objective_status"] == "met"
    assert figures["dead_letters"] == 0


async def test_every_event_delivered_twice_changes_nothing(undisturbed: dict[str, Any], tmp_path: Path) -> None:
    with world(tmp_path) as ours:
        assert_same_end(await ours.play(twice=True), undisturbed)
        assert ours.repeats > 100, "services saw the repetitions"


@pytest.mark.parametrize("killed", [("matching", "messaging", "analytics"), ("campaign", "review")], ids="-".join)
async def test_killing_services_changes_nothing(
    killed: tuple[str, ...], undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    with world(tmp_path) as ours:

        async def crash(service: str) -> None:
            # The part has begun by then, so that calls and events are under way.
            await asyncio.sleep(0.05)
            await asyncio.to_thread(ours.suite.kill, service)
            await asyncio.to_thread(ours.suite.up, [service])

        crashes: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as group:

            async def checkpoint(part: str) -> None:
                due = [service for service in killed if part in MOMENTS[service]]
                crashes.extend(group.create_task(crash(service)) for service in due)

            played = group.create_task(ours.play(checkpoint))
        assert len(crashes) == sum(len(MOMENTS[service]) for service in killed)
        assert_same_end(played.result(), undisturbed)


def test_an_idle_service_is_small_and_soon_ready(undisturbed: dict[str, Any]) -> None:
    idle, ready = undisturbed["idle_mb"], undisturbed["ready_s"]
    figures: list[tuple[str, float, str, float]] = [
        (f"idle memory of {name}", round(mb), "MB", MEMORY_MB[name]) for name, mb in idle.items()
    ]
    figures += [(f"{name} ready after", round(seconds, 2), "s", READY_SECONDS) for name, seconds in ready.items()]
    write_figures(
        "footprint",
        [
            {"name": name, "value": value, "unit": unit, "goal": goal, "pass": value <= goal}
            for name, value, unit, goal in figures
        ],
    )
    assert {name: mb for name, mb in idle.items() if mb > MEMORY_MB[name]} == {}
    assert {name: seconds for name, seconds in ready.items() if seconds > READY_SECONDS * PATIENCE} == {}


def assert_same_end(end: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    """Part by part, so that a difference is found where it is."""
    for part, value in end.items():
        assert value == undisturbed[part], f"{part} differs"
