"""What commands of several topics share."""

from collections.abc import Sequence

from entente_chassis.refusal import Invalid, NotFound, Violation


def masked(mask: Sequence[str], known: set[str]) -> set[str]:
    """The fields that a mask names; all of them when it names none.

    Raises:
        Invalid: it names one that there is not.
    """
    unknown = [path for path in mask if path not in known]
    if unknown:
        described = f"has no field {', '.join(unknown)} to set; there are {', '.join(sorted(known))}"
        raise Invalid(
            "UPDATE_MASK_INVALID",
            "update_mask names fields that cannot be set.",
            violations=[Violation("update_mask", described)],
        )
    return set(mask) or known


def no_such(what: str, name: str) -> NotFound:
    """What a caller hears of what is not there, or not theirs."""
    return NotFound(f"{what.upper()}_NOT_FOUND", f"There is no {what.lower()} {name}.", resource=name)
