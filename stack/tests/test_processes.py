"""Processes are found again and stopped by identity."""

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from entente_stack import processes, state
from entente_stack.errors import StackError
from entente_stack.paths import Paths
from entente_stack.processes import Process
from entente_stack.stack import Stack

SLEEP = [sys.executable, "-c", "import signal; signal.pause()"]
DEAF = [
    sys.executable,
    "-c",
    "from signal import *; signal(SIGTERM, SIG_IGN); print('deaf', flush=True); [pause() for _ in range(9)]",
]


def started(tmp_path: Path, command: list[str] = SLEEP) -> Process:
    return processes.start("sleeper", command, log=tmp_path / "log")


def test_a_process_is_stopped_by_its_id(tmp_path: Path) -> None:
    process = started(tmp_path)
    assert process.alive
    assert processes.stop(process)
    assert not process.alive
    assert not processes.stop(process), "it is gone already"


def test_a_process_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    process = started(tmp_path, DEAF)
    processes.wait_until(process, lambda: "deaf" in Path(process.log).read_text(), seconds=10)
    assert processes.stop(process, seconds=0.2)
    assert not process.alive


def test_a_process_id_that_was_used_again_is_left_alone(tmp_path: Path) -> None:
    other = started(tmp_path)
    remembered = dataclasses.replace(other, identity="an earlier start")
    assert not remembered.alive
    assert not processes.stop(remembered)
    assert other.alive
    processes.kill(other)


def test_a_process_that_ends_while_it_starts_is_reported_with_its_last_words(tmp_path: Path) -> None:
    process = started(tmp_path, [sys.executable, "-c", "print('no such folder')"])
    with pytest.raises(StackError, match=r"(?s)sleeper ended while it started.*no such folder"):
        processes.wait_until(process, lambda: False, seconds=10)


def test_a_stack_that_is_down_forgets_the_processes_of_a_crashed_machine(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    gone = Process("kafka", os.getpid(), "before the crash", {"kafka": 19092})
    state.save(paths.state, state.State(processes={"kafka": gone}, ports={"kafka": 19092}))
    assert Stack(paths).down() == []
    assert Stack(paths).processes() == []
    assert state.load(paths.state).ports == {"kafka": 19092}, "the ports are wished for again"


def test_a_stack_that_is_down_stops_what_another_command_started(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    process = started(tmp_path)
    state.save(paths.state, state.State(processes={"sleeper": process}))
    assert Stack(paths).down() == ["sleeper"]
    assert not process.alive


def test_a_state_file_that_cannot_be_understood_says_what_to_do(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.state.write_text("{")
    with pytest.raises(StackError, match="delete the file"):
        Stack(paths).processes()
