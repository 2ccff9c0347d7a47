"""What of a campaign may still be changed in which state, and who is told: one table, which the docs are made of."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from entente_chassis.refusal import Precondition, Violation


class Told(StrEnum):
    """Who hears of a change after publication, besides the brand."""

    NOBODY = "nobody"
    PARTICIPANTS = "creators with a place"


@dataclass(frozen=True)
class Rule:
    """How one field may be changed.

    Args:
        later: whether it may still be changed after publication (published, running, paused).
        limit: what holds then, in words; ``domain/campaigns/writing.py`` checks it.
        told: who hears of it then.
    """

    later: bool = False
    limit: str = ""
    told: Told = Told.NOBODY


_PINNED = Rule()

RULES: Mapping[str, Rule] = {
    "title": Rule(later=True, told=Told.PARTICIPANTS),
    "mechanic": _PINNED,
    "objective": _PINNED,
    "target_audience": _PINNED,
    "persona": _PINNED,
    "brief": _PINNED,
    "markets": _PINNED,
    "platforms": _PINNED,
    "compensation": _PINNED,
    "budget": Rule(later=True, limit="in the same currency, and not below what is committed and spent"),
    "places": Rule(later=True, limit="not below the places that are taken"),
    "application_deadline_time": Rule(later=True, limit="in the future, and not after end_time"),
    "start_time": _PINNED,
    "end_time": Rule(later=True, limit="in the future, and after start_time", told=Told.PARTICIPANTS),
    "timeline": _PINNED,
    "contract_required": _PINNED,
}
"""By field. In a draft everything may change; in a completed, cancelled or archived campaign nothing."""

EDITABLE = tuple(RULES)
EDITABLE_LATER = tuple(name for name, rule in RULES.items() if rule.later)


def require_editable(name: str, state: str, fields: Collection[str]) -> None:
    """Refuse to change fields that the state has fixed.

    Raises:
        Precondition: the campaign has ended, or is published and a field is pinned; all of them are named.
    """
    if state == "DRAFT":
        return
    if state in ("COMPLETED", "CANCELLED", "ARCHIVED"):
        raise Precondition("CAMPAIGN_ENDED", f"{name} is {state}: it can no longer be changed. Clone it.", state=state)
    if fixed := sorted(set(fields) - set(EDITABLE_LATER)):
        raise Precondition(
            "CAMPAIGN_PUBLISHED",
            f"After publication only {', '.join(EDITABLE_LATER)} can be changed: leave out {', '.join(fixed)}.",
            violations=[Violation(name, "cannot be changed after publication", "FIXED") for name in fixed],
            state=state,
        )


def concerns_participants(fields: Collection[str]) -> bool:
    """Whether creators with a place hear of it."""
    return any(RULES[name].told is Told.PARTICIPANTS for name in fields)
