"""Writes docs/configuration.md from the settings of the services: `make configuration`.

    python -m tools.configuration [--check]

With --check it changes nothing and fails when the page is not what the settings say.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from entente_chassis.settings import ServiceSettings, table

ROOT = Path(__file__).resolve().parent.parent
PAGE = Path("docs") / "configuration.md"

INTRODUCTION = """\
# Configuration

<!-- Written by `make configuration` from the settings in the code: change the descriptions there. -->

A service is configured by environment variables that start with `ENTENTE_`, and by nothing else. At its start it
refuses variables that it does not know, naming the nearest that it does, and says all that is missing or wrong at once.
An empty variable counts as one that is not set. The first line of its log is what is in effect, without secrets.

`make up` and `make demo` set all of this for you.

## Every service

"""


def page() -> str:
    """The whole page."""
    text = INTRODUCTION + table(ServiceSettings)
    for path in sorted(ROOT.glob("services/*/entente_*/settings.py")):
        service = path.parent.name
        settings: type[ServiceSettings] = importlib.import_module(f"{service}.settings").Settings
        if settings.model_fields.keys() - ServiceSettings.model_fields.keys():
            name = service.removeprefix("entente_")
            text += f"\n## {name.capitalize()}\n\n{table(settings, without=ServiceSettings)}"
    return text


def main(arguments: Sequence[str]) -> int:
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m tools.configuration [--check]", file=sys.stderr)
        return 2
    text = page()
    if not arguments:
        (ROOT / PAGE).write_text(text)
        return 0
    if not (ROOT / PAGE).exists() or (ROOT / PAGE).read_text() != text:
        print(f"{PAGE} is not what the settings say: run `make configuration`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
