"""The click journal: what a visitor was sent on for is on disk, survives the process, and is sent in order."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from entente_analytics.adapters import journal as journal_module
from entente_analytics.adapters.journal import Journal
from entente_analytics.application.redirect import TakenClick
from entente_analytics.domain.clicks import Click, Verdict

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def taken(n: int, *, incarnation: str = "p1", days: int = 0) -> TakenClick:
    click = Click("trackedLinks/a", incarnation, n, NOW + timedelta(days=days), Verdict.COUNTED)
    return TakenClick(click, "campaigns/c", "campaigns/c/collaborations/x", bytes([n % 256]))


class Broker:
    """Takes clicks."""

    def __init__(self) -> None:
        self.got: list[int] = []

    async def send(self, clicks: Sequence[TakenClick]) -> None:
        self.got += [each.click.n for each in clicks]


@contextlib.asynccontextmanager
async def running(directory: Path, incarnation: str, broker: Broker | None = None) -> AsyncIterator[Journal]:
    journal = Journal(directory, incarnation)
    journal.open()
    tasks = [asyncio.create_task(journal.write())]
    if broker:
        tasks.append(asyncio.create_task(journal.send(broker.send)))
    try:
        yield journal
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        die(journal)


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.clicks"))


def die(journal: Journal) -> None:
    """What the end of a process does: its files are closed, which frees their locks."""
    for segment in journal._segments:
        segment.file.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def test_clicks_are_sent_in_the_order_in_which_they_were_taken(tmp_path: Path) -> None:
    broker = Broker()
    async with running(tmp_path, "p1", broker) as journal:
        await asyncio.gather(*(journal.keep(taken(n)) for n in range(1, 101)))
        await until(lambda: len(broker.got) == 100)

    assert broker.got == list(range(1, 101))


async def test_many_clicks_at_once_share_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    append = journal_module._append

    def counted(file: BinaryIO, data: bytes, at: int) -> None:
        writes.append(at)
        append(file, data, at)

    monkeypatch.setattr(journal_module, "_append", counted)
    async with running(tmp_path, "p1") as journal:
        await asyncio.gather(*(journal.keep(taken(n)) for n in range(1, 101)))

    assert len(writes) <= 3


async def test_what_a_process_left_unsent_is_sent_by_the_next(tmp_path: Path) -> None:
    async with running(tmp_path, "p1") as first:
        for n in (1, 2, 3):
            await first.keep(taken(n))
    broker = Broker()

    async with running(tmp_path, "p2", broker) as second:
        await second.keep(taken(1, incarnation="p2"))
        await until(lambda: len(broker.got) == 4)

    assert broker.got == [1, 2, 3, 1]


async def test_what_was_sent_is_not_sent_again_after_an_orderly_stop(tmp_path: Path) -> None:
    first_broker, second_broker = Broker(), Broker()
    async with running(tmp_path, "p1", first_broker) as first:
        await first.keep(taken(1))
        await until(lambda: first_broker.got == [1])
    async with running(tmp_path, "p2", second_broker) as second:
        await second.keep(taken(9))
        await until(lambda: second_broker.got)

    assert second_broker.got == [9]


async def test_a_line_that_a_crash_tore_is_left_out_and_those_before_it_are_sent(tmp_path: Path) -> None:
    async with running(tmp_path, "p1") as first:
        await first.keep(taken(1))
        await first.keep(taken(2))
    (segment,) = segments(tmp_path)
    segment.write_bytes(segment.read_bytes()[:-5])
    broker = Broker()

    async with running(tmp_path, "p2", broker) as second:
        await second.keep(taken(7))
        await until(lambda: 7 in broker.got)

    assert broker.got == [1, 7]


async def test_the_segment_of_a_living_process_is_left_to_it(tmp_path: Path) -> None:
    broker = Broker()
    async with running(tmp_path, "p1") as first:
        await first.keep(taken(1))
        async with running(tmp_path, "p2", broker) as second:
            await second.keep(taken(5))
            await until(lambda: broker.got)

    assert broker.got == [5]


async def test_a_click_that_the_disk_does_not_take_is_told_and_the_next_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker()
    append = journal_module._append

    def full(file: BinaryIO, data: bytes, at: int) -> None:
        os.pwrite(file.fileno(), data[:10], at)
        raise OSError(28, "No space left on device")

    async with running(tmp_path, "p1", broker) as journal:
        await journal.keep(taken(1))
        monkeypatch.setattr(journal_module, "_append", full)
        with pytest.raises(OSError, match="No space"):
            await journal.keep(taken(2))
        monkeypatch.setattr(journal_module, "_append", append)
        await journal.keep(taken(3))
        await until(lambda: len(broker.got) == 2)

    assert broker.got == [1, 3]


async def test_sent_segments_of_past_days_are_deleted_and_todays_are_remembered(tmp_path: Path) -> None:
    broker = Broker()
    async with running(tmp_path, "p1", broker) as first:
        await first.keep(taken(1))
        await until(lambda: broker.got == [1])
        await first.keep(taken(2, days=1))
        await until(lambda: broker.got == [1, 2])
        await first.keep(taken(3, days=2))
        await until(lambda: broker.got == [1, 2, 3])

    assert [path.name[:10] for path in segments(tmp_path)] == ["2026-03-12"]
    second = Journal(tmp_path, "p2")
    second.open()
    assert [each.click.n for each in second.clicks_of("2026-03-12")] == [3]
    die(second)
