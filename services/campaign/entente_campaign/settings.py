"""What the environment tells this service."""

from pydantic import Field

from entente_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """The chassis' settings and the service's own."""

    matching_address: str = Field(
        default="127.0.0.1:50051", description="gRPC target of matching, asked how well a creator fits."
    )
    score_deadline_seconds: float = Field(
        default=0.5,
        gt=0,
        description="Longest wait for matching when a creator applies or is invited; then it is asked again later.",
    )
    reservation_seconds: float = Field(
        default=30,
        gt=0,
        description="Real seconds after which a reserved place whose acceptance was broken off is settled.",
    )
