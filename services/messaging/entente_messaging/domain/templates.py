"""A brand's own words for an occasion."""

from dataclasses import dataclass
from datetime import datetime

from entente_chassis.refusal import Invalid, Violation
from entente_messaging.domain.occasions import Occasion


@dataclass(frozen=True)
class Template:
    """Words with merge fields.

    Args:
        version: 1 for the first words, then 2, 3, …
        deleted: taken out of use.
    """

    brand: str
    occasion: Occasion
    locale: str
    subject: str
    body: str
    created_at: datetime
    updated_at: datetime
    version: int = 1
    deleted: bool = False


@dataclass(frozen=True)
class TemplateVersion:
    """The words of a template as they once were."""

    template: str
    version: int
    subject: str
    body: str
    created_at: datetime


def check_whole(locale: str, subject: str, body: str) -> None:
    """Refuse a template that lacks something.

    Raises:
        Invalid: names all that is missing.
    """
    texts = (("template.locale", locale), ("template.subject", subject), ("template.body", body))
    missing = [Violation(path, "is required", "REQUIRED") for path, text in texts if not text.strip()]
    if missing:
        raise Invalid("TEMPLATE_INVALID", "The template is not complete.", violations=missing)
