"""What the review service is told by its environment."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from entente_chassis.settings import Listed, ServiceSettings
from entente_review.domain.review import Terms


class Settings(ServiceSettings):
    """The service's own variables; the others are those of every service."""

    review_target_days: float = Field(default=7, gt=0, description="Days within which a brand should decide.")
    review_reminder_days: Listed = Field(
        default=("5", "7"), description="Days after which a brand is reminded of a submission it has not decided on."
    )
    review_auto_approval_days: float = Field(
        default=10, gt=0, description="Days after which a submission that nobody decided on is approved automatically."
    )

    review_copy_wait_seconds: float = Field(
        default=2,
        ge=0,
        description="How long (real seconds) a submission waits for the copy of its campaign before it is refused.",
    )

    @model_validator(mode="after")
    def _reminders_in_time(self) -> Self:
        try:
            days = [float(day) for day in self.review_reminder_days]
        except ValueError as error:
            raise ValueError("review_reminder_days must be numbers separated by commas, such as 5,7") from error
        if any(not 0 < day < self.review_auto_approval_days for day in days):
            raise ValueError("review_reminder_days must lie between 0 and review_auto_approval_days")
        return self

    def terms(self) -> Terms:
        """How long a brand has."""
        return Terms(
            remind_after=tuple(sorted(timedelta(days=float(day)) for day in self.review_reminder_days)),
            target=timedelta(days=self.review_target_days),
            auto_approve_after=timedelta(days=self.review_auto_approval_days),
        )
