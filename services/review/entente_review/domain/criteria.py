"""What a check says of a submission."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """What a criterion says."""

    PASS = "PASS"
    FAIL = "FAIL"
    NEEDS_PERSON = "NEEDS_PERSON"


class CriterionKind(StrEnum):
    """What a criterion looks at."""

    DISCLOSURE = "DISCLOSURE"
    HASHTAGS = "HASHTAGS"
    MENTIONS = "MENTIONS"
    PRODUCT = "PRODUCT"
    MANDATORY_ELEMENT = "MANDATORY_ELEMENT"
    FORBIDDEN_TERMS = "FORBIDDEN_TERMS"
    LINK = "LINK"
    PROMO_CODE = "PROMO_CODE"
    LANGUAGE = "LANGUAGE"
    MEDIA = "MEDIA"
    COMPETITORS = "COMPETITORS"
    LENGTH = "LENGTH"


@dataclass(frozen=True)
class Evidence:
    """Words that a result rests on; without a place when they are missing from the caption."""

    label: str
    text: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Finding:
    """A result with what it rests on and how to mend it."""

    result: Result
    evidence: tuple[Evidence, ...]
    advice: str


@dataclass(frozen=True)
class Criterion:
    """One thing that is asked of a submission, with its result."""

    id: str
    kind: CriterionKind
    title: str
    weight: int
    result: Result
    evidence: tuple[Evidence, ...] = ()
    advice: str = ""
    market: str = ""
    rule_version: str = ""
    rule_source: str = ""
    automatic_result: Result | None = None
    override_reason: str = ""


def compliance_percent(criteria: tuple[Criterion, ...]) -> int:
    """Passed weight over total weight in percent, rounded down: 100 means everything. What needs a person has not
    passed. With nothing to meet, everything is met.
    """
    total = sum(criterion.weight for criterion in criteria)
    passed = sum(criterion.weight for criterion in criteria if criterion.result is Result.PASS)
    return 100 * passed // total if total else 100
