"""Domain time: scaled from one anchor, moved by a file, at the database's precision."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from entente_chassis.clock import FileClock, ManualClock, ScaledClock, SystemClock, to_millisecond

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_two_processes_with_the_same_scale_and_anchor_agree_about_the_time() -> None:
    anchor = datetime.now(UTC) - timedelta(seconds=10)
    first, second = ScaledClock(86_400, anchor), ScaledClock(86_400, anchor)
    assert abs(second.now() - first.now()) < timedelta(days=0.5)
    assert timedelta(days=10) <= first.now() - anchor < timedelta(days=11)


def test_a_moment_that_is_written_to_the_file_is_the_time_of_all_who_read_it(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    FileClock.write(path, NOON)
    clock = FileClock(path)
    assert clock.now() == NOON
    FileClock.write(path, NOON + timedelta(days=2))
    clock._read_at = 0.0
    assert clock.now() == NOON + timedelta(days=2)


def test_time_is_utc_and_as_precise_as_a_database_keeps_it() -> None:
    riga = datetime(2026, 3, 1, 14, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=2)))
    assert to_millisecond(riga) == datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
    assert SystemClock().now().microsecond % 1000 == 0
    assert ManualClock(riga).advance(timedelta(microseconds=1500)).microsecond == 124_000
