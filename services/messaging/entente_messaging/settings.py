"""What the messaging service is told by its environment."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, SecretStr

from entente_chassis.settings import Address, ServiceSettings
from entente_messaging.domain.notifications import Patience


class Settings(ServiceSettings):
    """The service's own variables; the others are those of every service."""

    smtp_address: Address = Field(default="127.0.0.1:25", description="Mail server that takes the e-mails: host:port.")
    smtp_starttls: bool = Field(default=False, description="Insist on STARTTLS. Turn it on beyond the local machine.")
    smtp_username: str = Field(default="", description="User at the mail server. Empty: no login.")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="Password at the mail server.")
    mail_from: str = Field(default="no-reply@entente.example", description="Address that e-mails come from.")
    mail_from_name: str = Field(default="Entente", description="Name that e-mails come from.")
    default_locale: Literal["en", "fr", "it", "lv"] = Field(
        default="en", description="Language for recipients whose own is not known, or has no words."
    )
    contact_wait_days: float = Field(
        default=3, gt=0, description="Days (domain time) that an e-mail waits for its recipient's address to be known."
    )

    def patience(self) -> Patience:
        """How long an e-mail waits for an address."""
        return Patience(wait=timedelta(days=self.contact_wait_days))

    def login(self) -> tuple[str, str] | None:
        """User and password at the mail server, when there are any."""
        return (self.smtp_username, self.smtp_password.get_secret_value()) if self.smtp_username else None
