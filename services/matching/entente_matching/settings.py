"""Settings of the matching service."""

from pathlib import Path

from pydantic import Field

from entente_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """What matching is told by its environment, besides what every service is told."""

    index_refresh_seconds: float = Field(
        default=2.0,
        gt=0,
        description="How often the search index looks into the database for what the topic of creators lacks.",
    )
    creators_topic: str = Field(
        default="",
        description="The compacted topic of creators, one for each database. Empty: entente.matching.creators.v1.",
    )
    index_snapshot_file: Path | None = Field(
        default=None,
        description="Where the search index keeps itself for a quick restart, a file for each replica. Empty: nowhere.",
    )
    benchmarks_seconds: float = Field(
        default=3600.0,
        gt=0,
        description="How often the benchmarks are measured anew among the creators that are held.",
    )
    index_snapshot_seconds: float = Field(
        default=300.0, gt=0, description="How often the search index writes its file."
    )
