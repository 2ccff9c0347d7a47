"""A brand's own words for an occasion."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from entente_chassis.refusal import Invalid, Violation
from entente_messaging.domain.occasions import Occasion, merge_fields


@dataclass(frozen=True)
class Template:
    """Words with merge fields."""

    brand: str
    occasion: Occasion
    locale: str
    subject: str
    body: str
    created_at: datetime
    updated_at: datetime


def check_whole(locale: str, subject: str, body: str) -> None:
    """Refuse a template that lacks something.

    Raises:
        Invalid: names all that is missing.
    """
    texts = (("template.locale", locale), ("template.subject", subject), ("template.body", body))
    missing = [Violation(path, "is required", "REQUIRED") for path, text in texts if not text.strip()]
    if missing:
        raise Invalid("TEMPLATE_INVALID", "The template is not complete.", violations=missing)


def refuse_unknown_fields(occasion: Occasion, used: Iterable[tuple[str, str]]) -> None:
    """Refuse words that use a merge field that the occasion does not have.

    Args:
        occasion: what the words are for.
        used: (path of the text, merge field) pairs.

    Raises:
        Invalid: names every unknown field and those that there are.
    """
    known = merge_fields(occasion)
    violations = [
        Violation(path, f"{{{{ {field} }}}} is not known here; there are {', '.join(sorted(known))}", "UNKNOWN_FIELD")
        for path, field in used
        if field not in known
    ]
    if violations:
        raise Invalid("TEMPLATE_INVALID", "The template uses merge fields that do not exist.", violations=violations)
