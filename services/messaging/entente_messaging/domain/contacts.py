"""How a brand or creator is reached."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from entente_chassis.refusal import Invalid, Violation


@dataclass(frozen=True)
class Contact:
    """A contact. The one place of a personal address.

    Args:
        email_problem: why no e-mail is sent there: "", or what the bounce said.
    """

    email: str
    locale: str
    time_zone: str = ""
    email_enabled: bool = True
    updated_at: datetime | None = None
    email_problem: str = ""

    @property
    def zone(self) -> tzinfo:
        """The time zone."""
        return ZoneInfo(self.time_zone) if self.time_zone else UTC

    @property
    def language(self) -> str:
        """The language without its region."""
        return self.locale.partition("-")[0]


def checked(contact: Contact) -> Contact:
    """The contact, if it can be used.

    Raises:
        Invalid: fields are missing or unknown; all are named.
    """
    violations = []
    if not contact.email:
        violations.append(Violation("contact.email", "is required: where should we write to?", "REQUIRED"))
    if not contact.locale:
        violations.append(Violation("contact.locale", 'is required, for example "fr"', "REQUIRED"))
    if contact.time_zone and not _is_zone(contact.time_zone):
        violations.append(Violation("contact.time_zone", 'is no zone of the IANA list, such as "Europe/Riga"'))
    if violations:
        raise Invalid("CONTACT_INVALID", "The contact cannot be used as it is.", violations=violations)
    return contact


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True
