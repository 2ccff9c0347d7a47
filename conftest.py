"""Settings of all tests, and which programs some need.

Where a program is missing the tests that need it are told as not run; under CI that is a failure.
"""

import os
import shutil

import pytest
from hypothesis import settings

# How long an example takes says nothing on a shared machine; performance has its own place (`make bench`).
settings.register_profile("entente", deadline=None, print_blob=True)
settings.load_profile("entente")

MISSING: set[str] = set()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*programs): the programs that a test starts")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program) is None:
                MISSING.add(program)
                if os.environ.get("CI") == "true":
                    pytest.fail(f"{program} is not on this machine, and continuous integration must run this test")
                pytest.skip(f"NOT RUN: {program} is not on this machine")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MISSING:
        terminalreporter.section("NOT RUN", sep="!", red=True)
        names = ", ".join(sorted(MISSING))
        terminalreporter.line(f"Tests that need {names} did not run: install them.")
