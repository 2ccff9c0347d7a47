"""The click journal: clicks are on disk before the visitor is sent on, and leave it for Kafka in order.

A directory holds segments, one per process, day and size. Whoever holds a segment's lock owns it: the process that
writes it, or, after that one died, the next that starts on the same directory. Each line carries a checksum, so that a
line torn by a crash is known as such: its visitor was never sent on. How far a segment was sent stands beside it; that
file may be behind, which only repeats clicks.
"""

import asyncio
import fcntl
import json
import os
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from entente_analytics.application.redirect import TakenClick
from entente_analytics.domain.clicks import Click, Verdict
from entente_analytics.metrics import clicks_unsent

_SEGMENT_BYTES = 8 * 1024 * 1024
_READ_BYTES = 128 * 1024
_MARK_EVERY = 0.5
_LAST_SECONDS = 3
# Clicks of one moment are sent together: one message and one write of their link's day for many.
_TOGETHER = 0.03


@dataclass
class _Segment:
    """A file of clicks of one day. ``size`` bytes are safe on disk, of which ``sent`` have reached the broker."""

    path: Path
    file: BinaryIO
    day: str
    size: int
    sent: int = 0
    finished: bool = False

    @property
    def marker(self) -> Path:
        return self.path.with_suffix(".sent")


@dataclass
class Batch:
    """Clicks to send, in order, and how far the journal is sent once they are."""

    clicks: list[TakenClick]
    segment: _Segment
    end: int


@dataclass
class _Waiting:
    line: bytes
    day: str
    done: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Journal:
    """The clicks of this process, and those that a process before it on the same directory left unsent.

    Args:
        directory: on a disk that outlives the process.
        incarnation: names this process.
    """

    def __init__(self, directory: Path, incarnation: str) -> None:
        self._directory = directory
        self._incarnation = incarnation
        self._segments: list[_Segment] = []
        self._current: _Segment | None = None
        self._count = 0
        self._waiting: list[_Waiting] = []
        self._to_write = asyncio.Event()
        self._to_send = asyncio.Event()
        self._marked_at = 0.0

    def open(self) -> None:
        """Take over what dead processes left, and delete what nobody needs any more."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._directory.glob("*.clicks")):
            segment = _take_over(path)
            if segment:
                self._segments.append(segment)
        if self._segments:
            self._to_send.set()

    def clicks_of(self, day: str) -> Iterator[TakenClick]:
        """The clicks of a day that dead processes took, sent or not: whose visitors are known today."""
        for segment in self._segments:
            if segment.day == day:
                yield from _parse(segment.path.read_bytes()[: segment.size])[0]

    async def keep(self, taken: TakenClick) -> None:
        """Return when the click is safe on disk. Many that come at once share one write.

        Raises:
            OSError: the disk did not take it.
        """
        waiting = _Waiting(_line(taken), taken.click.day)
        self._waiting.append(waiting)
        self._to_write.set()
        await waiting.done

    async def write(self) -> None:
        """Write what waits, until cancelled."""
        while True:
            await self._to_write.wait()
            self._to_write.clear()
            waiting, self._waiting = self._waiting, []
            for day in sorted({entry.day for entry in waiting}):
                await self._write_together(day, [entry for entry in waiting if entry.day == day])

    async def send(self, send: Callable[[Sequence[TakenClick]], Awaitable[None]]) -> None:
        """Send clicks in order, until cancelled; what is left then is tried for a last time, and the journal is closed.

        Args:
            send: returns when the broker has all of them; when it raises, they are sent again.
        """
        try:
            async for batch in self._batches():
                await send(batch.clicks)
                self._sent(batch)
        except asyncio.CancelledError:
            try:
                await self._send_the_rest(send)
            finally:
                self._close()
            raise

    async def _send_the_rest(self, send: Callable[[Sequence[TakenClick]], Awaitable[None]]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                while batch := self._next_batch():
                    await send(batch.clicks)
                    self._sent(batch)

    async def _batches(self) -> AsyncIterator[Batch]:
        while True:
            while batch := self._next_batch():
                yield batch
            self._to_send.clear()
            await self._to_send.wait()
            await asyncio.sleep(_TOGETHER)

    def _next_batch(self) -> Batch | None:
        clicks_unsent.set(sum(segment.size - segment.sent for segment in self._segments))
        for segment in self._segments:
            if segment.sent < segment.size:
                data = os.pread(segment.file.fileno(), min(_READ_BYTES, segment.size - segment.sent), segment.sent)
                clicks, length = _parse(data)
                # A line that a crash tore stands at the end; nothing can follow it in this segment.
                return Batch(clicks, segment, segment.sent + length if length else segment.size)
        return None

    def _sent(self, batch: Batch) -> None:
        segment = batch.segment
        segment.sent = batch.end
        if segment.sent == segment.size and segment.finished:
            _mark(segment)
            self._drop_old()
        elif time.monotonic() - self._marked_at > _MARK_EVERY:
            self._marked_at = time.monotonic()
            _mark(segment)

    def _close(self) -> None:
        for segment in self._segments:
            _mark(segment)
            segment.file.close()

    def _drop_old(self) -> None:
        # Today's are kept although they are sent: after a restart they say who has clicked already.
        today = max(segment.day for segment in self._segments)
        for segment in list(self._segments):
            if segment.finished and segment.sent == segment.size and segment.day < today:
                self._segments.remove(segment)
                segment.path.unlink(missing_ok=True)
                segment.marker.unlink(missing_ok=True)
                segment.file.close()

    async def _write_together(self, day: str, waiting: list[_Waiting]) -> None:
        try:
            segment = self._segment_for(day)
            lines = b"".join(entry.line for entry in waiting)
            await asyncio.to_thread(_append, segment.file, lines, segment.size)
        except OSError as error:
            for entry in waiting:
                if not entry.done.done():
                    entry.done.set_exception(error)
            return
        segment.size += len(lines)
        self._to_send.set()
        for entry in waiting:
            if not entry.done.done():
                entry.done.set_result(None)

    def _segment_for(self, day: str) -> _Segment:
        current = self._current
        if current is None or current.day != day or current.size >= _SEGMENT_BYTES:
            if current:
                current.finished = True
            self._count += 1
            path = self._directory / f"{day}_{self._incarnation}_{self._count:06d}.clicks"
            file = path.open("xb+", buffering=0)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sync_directory(self._directory)
            self._current = _Segment(path, file, day, 0)
            self._segments.append(self._current)
            self._drop_old()
        assert self._current is not None
        return self._current


def _take_over(path: Path) -> _Segment | None:
    """The segment of a process that is no more; None when it lives."""
    try:
        file = path.open("rb+", buffering=0)
    except FileNotFoundError:
        return None  # Another process that started at the same moment has finished with it.
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    segment = _Segment(path, file, path.name.partition("_")[0], path.stat().st_size, finished=True)
    with suppress(FileNotFoundError, ValueError):
        segment.sent = min(int(segment.marker.read_text()), segment.size)
    return segment


def _append(file: BinaryIO, data: bytes, at: int) -> None:
    # Written at the place where the last safe byte ends: what an earlier failure left half written is overwritten.
    os.ftruncate(file.fileno(), at)
    view = memoryview(data)
    while view:
        written = os.pwrite(file.fileno(), view, at)
        view, at = view[written:], at + written
    os.fdatasync(file.fileno())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mark(segment: _Segment) -> None:
    partial = segment.marker.with_suffix(".partial")
    partial.write_text(str(segment.sent))
    partial.replace(segment.marker)


def _line(taken: TakenClick) -> bytes:
    click = taken.click
    fields = [
        click.link,
        click.incarnation,
        click.n,
        click.at.isoformat(),
        click.verdict.value,
        taken.campaign,
        taken.collaboration,
        taken.mark.hex(),
    ]
    text = json.dumps(fields, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parse(data: bytes) -> tuple[list[TakenClick], int]:
    """The whole clicks at the beginning of some bytes, and how many bytes they are."""
    clicks = []
    length = 0
    for line in data.splitlines(keepends=True):
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
            break
        link, incarnation, n, at, verdict, campaign, collaboration, mark = json.loads(text)
        click = Click(link, incarnation, n, datetime.fromisoformat(at), Verdict(verdict))
        clicks.append(TakenClick(click, campaign, collaboration, bytes.fromhex(mark)))
        length += len(line)
    return clicks, length
