"""What this service is told by its environment, beyond what every service is."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from entente_chassis.settings import Address, ServiceSettings


class Settings(ServiceSettings):
    """Settings of analytics."""

    http_bind: Address = Field(
        "127.0.0.1:0", description="Address of the redirect of tracked links; port 0 takes a free one."
    )
    public_url: str = Field(
        "http://localhost:8080",
        pattern=r"^https?://[^\s?#]+$",
        description="Where the redirect is reached from outside; tracked links begin with it.",
    )
    journal_dir: Path = Field(
        description="Folder of the click journal, on a disk that outlives the process. Replicas may share it."
    )
    archive_dir: Path | None = Field(
        None,
        description="Folder of the Parquet archive of raw events; replicas may share it. Default: beside the journal.",
    )
    visitors_remembered: int = Field(
        100_000,
        ge=1,
        description="Visitors of a day that are remembered to tell repeated clicks; about 100 bytes each.",
    )
    click_batch: int = Field(5_000, ge=1, le=50_000, description="Click events that are counted together at most.")
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=5,
        description="Proxies in front of the redirect that append to X-Forwarded-For; 0 ignores that header.",
    )
    in_target_alert_basis_points: int = Field(
        5_000,
        ge=0,
        le=10_000,
        description="Share of the reach that must be in the target where a campaign asks for none; below it, an alert.",
    )
    youtube_api_key: str = Field(
        "", repr=False, description="Key of the YouTube Data API; without one, no figures are read from YouTube."
    )
    youtube_api_url: str = Field(
        "https://www.googleapis.com", pattern=r"^https?://[^\s?#]+$", description="Where the YouTube Data API is."
    )
    objective_look_hours: float = Field(
        24, gt=0, description="Domain hours between two looks at an objective when nothing happens."
    )

    @property
    def archive(self) -> Path:
        """The folder of the archive of raw events."""
        return self.archive_dir or self.journal_dir.with_name(f"{self.journal_dir.name}-archive")

    @property
    def objective_look_every(self) -> timedelta:
        """The time between two looks at an objective when nothing happens."""
        return timedelta(hours=self.objective_look_hours)
