"""Writes the page of the collaboration's machine and clocks from the tables that run them.

``python -m entente_campaign.reference docs/architecture/collaboration.md`` writes it; with ``--check`` it compares.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from entente_campaign.domain.calendars import CIVIL_FROM, CIVIL_TO
from entente_campaign.domain.collaborations.clocks import DEADLINES, REMINDERS
from entente_campaign.domain.collaborations.states import ENDED_EARLY, Action, State
from entente_campaign.domain.collaborations.table import REVIEW, TABLE, Row
from entente_campaign.domain.words import DEFAULT_DAYS, YOUTUBE_PUBLICATION_DAYS

_HEAD = """# A collaboration, step by step

<!-- Written by `make campaign-reference` from the tables of entente_campaign.domain.collaborations; do not edit. -->

One creator in one campaign. `domain/collaborations/table.py` is the table that runs it and that this page is written
from: nothing moves but by a row of it, whoever asks, and whatever is refused is told where it stands and what is
allowed now. Every step is kept with who, when and why (`Collaboration.history`, the last 100).

An operator may do in a side's stead whatever that side may. Another tenant's collaboration does not exist
(`NOT_FOUND`); what is for the other side to do is `PERMISSION_DENIED` (`OTHER_SIDE`); what is out of order is
`FAILED_PRECONDITION` (`COLLABORATION_STEP_NOT_ALLOWED`); both carry `state` and `allowed` in the error's details.
"""

_CLOCKS = f"""
## Clocks

Every one is a moment in the collaboration's own document and fires by the conditional write that any command uses. So
it fires also when everything was down at its moment; it fires once, whatever races; and who has moved on is not
reminded. Days are fields of the campaign's `timeline` (0: the default).

- **Deadlines are rights**: calendar days, counted by the clock on the wall of `timeline.time_zone` (by default the
  first market's), so that 28 days after ten o'clock is ten o'clock, whether or not the clocks were changed.
- **Reminders are courtesies**: they come on a business day of every market (its weekends and public holidays, from the
  `holidays` package), between {CIVIL_FROM.hour} and {CIVIL_TO.hour} o'clock there. One that would come after its
  deadline by that comes on the last business hour before it. `timeline.any_day_reminders` turns this off.
- **Escalation**: a deadline that has passed goes before any reminder. Of several reminders that have come together only
  the last is sent, and the others never: who was away is not told three times.
"""

_UNDER_THE_DIAGRAM = """
Left out of the picture for its sake: withdrawal, expiry and cancellation, which the table has, and the way back from a
dispute that was decided to go on.
"""

_GROUPS = {
    "Unanswered": (State.APPLIED, State.PRESELECTED, State.WAITLISTED, State.INVITED, State.OFFERED),
    "Content": (State.CONTENT_DUE, State.SUBMITTED, State.CHANGES_REQUESTED, State.APPROVED, State.OVERDUE),
}
_UNDRAWN = frozenset({State.WITHDRAWN, State.EXPIRED})


def page() -> str:
    """The whole page."""
    parts = [
        _HEAD,
        "\n## The states\n\n```mermaid\n" + "\n".join(_diagram()) + "\n```\n",
        "\nLeft out of the picture for its sake: withdrawal, cancellation and expiry, which the table has.\n",
        "\n## The table\n\n" + "\n".join(_table()) + "\n",
        _CLOCKS,
        "\n### What waiting leads to\n\n" + "\n".join(_deadlines()) + "\n",
        "\n### Who is reminded\n\n" + "\n".join(_reminders()) + "\n",
    ]
    return "".join(parts)


def _diagram() -> Iterable[str]:
    yield "stateDiagram-v2"
    for name, members in _GROUPS.items():
        yield f"    state {name} {{"
        yield from (f"        {state}" for state in members)
        yield "    }"
    for label, origin, to in dict.fromkeys(_arrows()):
        yield f"    {origin} --> {to}: {label}"
    for end in (State.RATED, *sorted(ENDED_EARLY)):
        yield f"    {end} --> [*]"


def _arrows() -> Iterable[tuple[str, str, str]]:
    """What leads on. What all of a group do is one arrow."""
    for action in dict.fromkeys(row.action for row in TABLE if row.action is not Action.CANCEL):
        rows = [row for row in TABLE if row.action is action]
        arrows = [(str(origin), str(to)) for row in rows for origin in row.origins or ("[*]",) for to in _ways(row)]
        for name, members in _GROUPS.items():
            for target in dict.fromkeys(to for _, to in arrows):
                others = {(str(member), target) for member in members if str(member) != target}
                if others <= set(arrows):
                    arrows = [(name if arrow in others else arrow[0], arrow[1]) for arrow in arrows]
        label = action.name.lower().replace("_", " ")
        yield from ((label, origin, to) for origin, to in arrows if origin != to and to not in _UNDRAWN)


def _ways(row: Row) -> tuple[State, ...]:
    """Where a row leads, as drawn: a review to what it usually comes to, a dispute to its ends."""
    if row.who is REVIEW:
        return row.to[:1]
    if row.action is Action.RESOLVE:
        return (State.COMPLETED, State.CANCELLED)
    return row.to


def _table() -> Iterable[str]:
    yield "| from | command | who | to | needs | tells |"
    yield "|---|---|---|---|---|---|"
    for row in TABLE:
        guards = "; ".join(guard.words for guard in row.guards)
        tells = ", ".join(f"`{event.__name__}`" for event in row.tells)
        command = f"`{row.command}`" if row.command[:1].isupper() else row.command
        begin = _states(row.origins) or "(new)"
        yield f"| {begin} | {command} | {row.who.label} | {_states(row.to)} | {guards} | {tells} |"


def _deadlines() -> Iterable[str]:
    yield "| in | since | after | becomes |"
    yield "|---|---|---|---|"
    for deadline in DEADLINES:
        yield (
            f"| {_states(sorted(deadline.states))} | {deadline.since} | {_limit(deadline.limit)} | "
            f"`{deadline.what.value}` |"
        )


def _reminders() -> Iterable[str]:
    yield "| reminder | in | whom | since | after | before |"
    yield "|---|---|---|---|---|---|"
    for reminder in REMINDERS:
        yield (
            f"| `{reminder.kind}` | {_states(sorted(reminder.states))} | {reminder.whom.lower()} | {reminder.since} | "
            f"{_limit(reminder.limit)} | {reminder.ends} |"
        )


def _limit(name: str) -> str:
    if name == "publication_days":
        return f"`publication_days`: {DEFAULT_DAYS[name]}, on YouTube {YOUTUBE_PUBLICATION_DAYS}"
    if name not in DEFAULT_DAYS:
        return f"`{name}`" if "," not in name else name
    unit = " %" if name.endswith("percent") else ""
    return f"`{name}`: {DEFAULT_DAYS[name]}{unit}"


def _states(states: Iterable[State]) -> str:
    return ", ".join(f"`{state}`" for state in states)


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    path = Path(arguments[0])
    if "--check" in arguments:
        return 0 if path.read_text(encoding="utf-8") == page() else 1
    path.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
