"""What the messaging service is told by its environment."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from entente_chassis.settings import Address, Listed, ServiceSettings
from entente_messaging.domain.deliveries import Patience


class Settings(ServiceSettings):
    """The service's own variables; the others are those of every service."""

    http_bind: Address = Field(
        default="127.0.0.1:0", description="Address that the way out of e-mails answers on; port 0 takes a free one."
    )
    public_url: str = Field(
        default="",
        description="Where that is reached from outside, such as https://mail.example. Empty: e-mails name no way out.",
    )
    matching_address: str = Field(
        default="127.0.0.1:50051", description="Address of matching: host:port or a gRPC target. For shortlists."
    )
    campaign_address: str = Field(
        default="127.0.0.1:50052", description="Address of campaign: host:port or a gRPC target. For stages."
    )
    smtp_address: Address = Field(default="127.0.0.1:25", description="Mail server that takes the e-mails: host:port.")
    smtp_starttls: bool = Field(default=False, description="Insist on STARTTLS. Turn it on beyond the local machine.")
    smtp_username: str = Field(default="", description="User at the mail server. Empty: no login.")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="Password at the mail server.")
    smtp_connections: int = Field(default=4, ge=1, le=100, description="Connections to the mail server, at most.")
    mail_from: str = Field(default="no-reply@entente.example", description="Address that e-mails come from.")
    mail_from_name: str = Field(default="Entente", description="Name that e-mails come from.")
    mail_rate: float = Field(
        default=0,
        ge=0,
        description="E-mails a second to each provider (what follows the @), per process; 0: no limit.",
    )
    mail_rates: Listed = Field(
        default=(), description="Other rates for providers by name, separated by commas: gmail.com=20,laposte.net=5."
    )
    webhook_allow_private: bool = Field(
        default=False, description="Let webhooks be of private networks and without TLS. For one machine, and tests."
    )
    claim_seconds: float = Field(
        default=60,
        ge=1,
        description="Seconds (real ones) for which what a process is sending is its own; then it is taken for dead.",
    )
    default_locale: Literal["en", "fr", "it", "lv"] = Field(
        default="en", description="Language for recipients whose own is not known, or has no words."
    )
    contact_wait_days: float = Field(
        default=3, gt=0, description="Days (domain time) that an e-mail waits for its recipient's address to be known."
    )

    @field_validator("mail_rates")
    @classmethod
    def _rates(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            provider, _, rate = entry.partition("=")
            if not provider or not rate.replace(".", "", 1).isdigit():
                raise ValueError(f"{entry!r} is not provider=rate, such as gmail.com=20")
        return value

    def patience(self) -> Patience:
        """How long an e-mail waits for an address."""
        return Patience(wait=timedelta(days=self.contact_wait_days))

    def rates(self) -> dict[str, float]:
        """E-mails a second for providers by name."""
        return {provider: float(rate) for provider, _, rate in (entry.partition("=") for entry in self.mail_rates)}

    def login(self) -> tuple[str, str] | None:
        """User and password at the mail server, when there are any."""
        return (self.smtp_username, self.smtp_password.get_secret_value()) if self.smtp_username else None
