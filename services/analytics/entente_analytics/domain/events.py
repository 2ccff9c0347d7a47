"""What happened in analytics, as it is told: the fields of the public events."""

from dataclasses import dataclass
from datetime import datetime

from entente_analytics.domain.content import Figures
from entente_analytics.domain.objectives import Status
from entente_analytics.domain.orders import Attribution
from entente_chassis.money import Money
