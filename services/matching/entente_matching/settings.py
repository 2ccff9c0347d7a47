"""Settings of the matching service."""

from pydantic import Field

from entente_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """What matching is told by its environment, besides what every service is told."""

    index_refresh_seconds: float = Field(
        default=2.0,
        gt=0,
        description="How often the search index looks for what other replicas have written. Own writes it has at once.",
    )
