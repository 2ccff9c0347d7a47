"""Exports of payables: what a brand pays at once. A payable is in one export at most, unless that is void.

An export first names its candidates, then claims each payable where it lives, in its collaboration, and keeps those
that it got. So two exports that race share nothing, and one that was broken off is taken up again where it stood.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from entente_campaign.domain.collaborations import Collaboration
from entente_chassis.money import Money
from entente_chassis.refusal import Precondition

MOST_LINES = 500
RESUME_AFTER = timedelta(seconds=60)


class ExportState(StrEnum):
    """Where an export stands."""

    PREPARING = "PREPARING"
    READY = "READY"
    VOIDING = "VOIDING"
    VOID = "VOID"
    PAYING = "PAYING"
    PAID = "PAID"


UNDER_WAY = frozenset({ExportState.PREPARING, ExportState.VOIDING, ExportState.PAYING})


@dataclass(frozen=True)
class Line:
    """A payable, as it was when it was claimed. ``reference`` is what the transfer is called, at most 35 characters."""

    collaboration: str
    creator: str
    creator_display_name: str
    campaign_title: str
    amount: Money
    due_time: datetime
    reference: str
    bank_account_revision: int = 0


@dataclass(frozen=True)
class Export:
    """What a brand pays at once.

    Args:
        candidates: collaborations whose payables it tries to claim while it is being prepared.
        resume_time: when a clock takes up what was broken off; None when nothing is under way.
    """

    name: str
    brand: str
    brand_display_name: str
    currency_code: str
    create_time: datetime
    update_time: datetime
    execution_time: datetime
    state: ExportState = ExportState.PREPARING
    candidates: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    bank_account_revision: int = 0
    pay_time: datetime | None = None
    resume_time: datetime | None = None

    @property
    def total(self) -> Money:
        """The sum."""
        return Money.sum(self.currency_code, (line.amount for line in self.lines))


def export_name(brand: str, id: str) -> str:
    """The name of an export."""
    return f"{brand}/payableExports/{id}"


def begin(
    name: str,
    *,
    brand: str,
    brand_display_name: str,
    currency_code: str,
    candidates: Sequence[str],
    bank_account_revision: int,
    execution_time: datetime,
    now: datetime,
) -> Export:
    """A new export that claims these payables.

    Raises:
        Precondition: there is nothing to pay.
    """
    if not candidates:
        raise Precondition(
            "NOTHING_TO_EXPORT", f"{brand} owes nothing in {currency_code} that is in no export yet and not disputed."
        )
    return Export(
        name,
        brand,
        brand_display_name,
        currency_code,
        create_time=now,
        update_time=now,
        execution_time=execution_time,
        candidates=tuple(candidates[:MOST_LINES]),
        bank_account_revision=bank_account_revision,
        resume_time=now + RESUME_AFTER,
    )


def line_of(export: Export, collaboration: Collaboration, bank_account_revision: int) -> Line:
    """The line of a payable that was claimed."""
    assert collaboration.payable is not None
    digest = hashlib.sha256(f"{export.name}\n{collaboration.name}".encode()).hexdigest()
    return Line(
        collaboration.name,
        collaboration.creator,
        collaboration.creator_display_name,
        collaboration.campaign_title,
        collaboration.payable.amount,
        collaboration.payable.due_time,
        reference=f"ENTENTE-{digest[:24].upper()}",
        bank_account_revision=bank_account_revision,
    )


def ready(export: Export, lines: Sequence[Line], now: datetime) -> Export | None:
    """Its lines are fixed; None when they were already. Without a line it is void."""
    if export.state is not ExportState.PREPARING:
        return None
    fixed = tuple(sorted(lines, key=lambda line: (line.due_time, line.collaboration)))
    state = ExportState.READY if fixed else ExportState.VOID
    return replace(export, state=state, lines=fixed, candidates=(), update_time=now, resume_time=None)


def begin_void(export: Export, now: datetime) -> Export:
    """Give it up.

    Raises:
        Precondition: it was paid, or is given up already.
    """
    return _begin(export, ExportState.VOIDING, "given up", now)


def begin_pay(export: Export, now: datetime) -> Export:
    """It was paid.

    Raises:
        Precondition: it was marked as paid, or is given up.
    """
    return replace(_begin(export, ExportState.PAYING, "paid", now), pay_time=now)


def finish(export: Export, now: datetime) -> Export | None:
    """Each payable knows of it; None when nothing was under way."""
    done = {ExportState.VOIDING: ExportState.VOID, ExportState.PAYING: ExportState.PAID}.get(export.state)
    return replace(export, state=done, update_time=now, resume_time=None) if done else None


def next_due(export: Export) -> datetime | None:
    """When a clock takes up what was broken off."""
    return export.resume_time


def _begin(export: Export, state: ExportState, word: str, now: datetime) -> Export:
    if export.state is not ExportState.READY:
        raise Precondition(
            "EXPORT_STEP_NOT_ALLOWED",
            f"{export.name} is {export.state}: only what is READY can be {word}.",
            state=export.state,
        )
    return replace(export, state=state, update_time=now, resume_time=now + RESUME_AFTER)


# -- files ------------------------------------------------------------------------------------------------------------

CSV_COLUMNS = (
    "reference",
    "creator",
    "creator_display_name",
    "collaboration",
    "campaign_title",
    "amount_minor_units",
    "currency_code",
    "due_date",
)


def to_csv(export: Export) -> bytes:
    """The export as a table, without bank accounts. A cell that a spreadsheet would read as a formula is quoted."""
    _require_fixed(export)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for line in export.lines:
        writer.writerow(
            [
                line.reference,
                line.creator,
                _plain(line.creator_display_name),
                line.collaboration,
                _plain(line.campaign_title),
                line.amount.minor_units,
                line.amount.currency_code,
                line.due_time.date().isoformat(),
            ]
        )
    return file.getvalue().encode()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _require_fixed(export: Export) -> None:
    if export.state is ExportState.PREPARING:
        raise Precondition(
            "EXPORT_NOT_READY", f"{export.name} is being prepared: ask again shortly.", state=export.state
        )


def require_payable_by_transfer(export: Export) -> None:
    """Refuse what cannot be a SEPA file.

    Raises:
        Precondition: it is being prepared, is void, or is not in EUR.
    """
    _require_fixed(export)
    if export.state is ExportState.VOID or not export.lines:
        raise Precondition("EXPORT_VOID", f"{export.name} is void: make another one.", state=export.state)
    if export.currency_code != "EUR":
        raise Precondition("SEPA_NEEDS_EUR", f"{export.name} is in {export.currency_code}: take the CSV format.")
