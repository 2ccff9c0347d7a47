"""Writes the page of what is agreed from the tables that decide it: edits, cancellation, contracts, money, the
look back.

``python -m entente_campaign.agreements_reference docs/architecture/agreements.md`` writes it; with ``--check`` it
compares.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from entente_campaign.domain import campaign_review, cancelling, meter
from entente_campaign.domain.editing import RULES, Told
from entente_campaign.domain.exports import CSV_COLUMNS, MOST_LINES
from entente_campaign.domain.parcels import COLUMNS, MOST_ROWS, NEEDED

_HEAD = """# What a campaign agrees on

<!-- Written by `make campaign-agreements` from the tables of entente_campaign.domain; do not edit. -->

Each table here is the one that decides, in the module that is named with it.
"""

_MONEY = """
## Money

`Campaign.budget_summary`: **total**; **committed**, what is promised and not spent yet; **spent**, fees that were paid
and parcels of collaborations that are closed or were left; **payable**, what is owed or was; **released**,
what came back
from who left, from fees that compliance scaled and from contracts for less; **available**, the rest. Committed
and spent
together never exceed the total, whatever races.

- **A fee scaled by compliance** (`domain/collaborations/money.py`): with
  `compensation.scale_fee_with_compliance` the mean
  granted compliance says the share. Without `fee_steps` it is percent for percent, half to even; with them it
  is the share
  of the highest step that is reached, and nothing below all of them. Travel costs are never scaled.
- **Due**: `payment_days` of the contract, else of the campaign's `timeline`, from the last publication.
- **Every parcel counts**, a lost one too: the budget of another one is held before it is noted, or it is refused
  (`BUDGET_EXCEEDED`). If it never goes, it stays held until the collaboration ends.
- **Commissions** are in no payable: revenue is attributed by analytics, which the campaign does not ask.
"""

_EXPORTS = f"""
## Exports

`CreatePayableExport` names its candidates (the earliest due first, at most {MOST_LINES}, one currency), claims
each in its
collaboration, and keeps those that it got: a payable is in one export at most unless that is void, and the
same request
makes the same export. One that was broken off is taken up by a clock. What is disputed is not claimed, and what is
exported or paid is not settled anew. `GetPayableExportFile` writes it:

- **CSV**: `{", ".join(CSV_COLUMNS)}`; no bank account.
- **SEPA**: ISO 20022 pain.001.001.09 by `sepaxml`, checked against its schema; EUR only. Message ids and times
  are derived
  from the export, so that the file is always the same.

**Bank accounts** live in a collection of their own, without events, snapshots or request fingerprints. An
export names the
revision that it pays to. `DeleteBankAccount`, or messaging's `PersonErased`, takes every revision away: after
that the CSV
can still be written, the SEPA file cannot (`BANK_ACCOUNT_MISSING`).
"""

_CONTRACTS = f"""
## Contracts

`OfferContract` makes a version with all clauses; the first is the brand's, and either side may replace the one
that stands.
Whoever offers is bound by it; `AcceptContract` by the other side names the version and the SHA-256 of the text
that was
read, and makes it final. The text is kept word for word with each version, in the language of the clauses
(`fr`, `en`);
the other language is a translation for information. What a contract promises beyond what is held is held first.

**French meter** (`domain/meter.py`): where `{meter.MARKET}` is among the markets, fees and gifts (no shipping,
no travel
costs) are counted for each brand, creator, calendar year in Paris and metric of the objective. From
{meter.THRESHOLD.minor_units // 100:,} {meter.THRESHOLD.currency_code} excluding VAT on, and since
{meter.SINCE_YEAR}, the
acceptance that reaches the sum leads to `CONTRACT_PENDING`, and every step on from there is refused
(`CONTRACT_REQUIRED`)
until both sides have accepted a contract. Those accepted before it go on. Amounts in another currency cannot
be counted: a
contract is needed then (`{meter.NOT_COUNTABLE}`). Law 2023-451 of 9 June 2023, article 8; decree 2025-1137 of
28 November
2025. That "promotional objective" means the metric is our reading, not advice.

**Italian register** (`register_hints`): `{meter.ITALIAN_REGISTER}` where `IT` is among the markets and the
creator has at
least {meter.ITALIAN_FOLLOWERS:,} followers. The other threshold, {meter.ITALIAN_MONTHLY_VIEWS:,} average
monthly views, is
known to the rule, but matching does not tell views yet.
"""


_EDITS = """
## What may still be changed

`domain/editing.py`. In a draft everything; in a completed, cancelled or archived campaign nothing. Whoever is to be
told is named by the event CampaignChanged.

"""

_CANCELLING = """

## When a campaign is cancelled

`domain/cancelling.py`; each collaboration tells of its own end, or that it goes on (CollaborationContinued).

"""

_PARCELS = f"""
## Parcels from a file

`ShipParcels` takes CSV in UTF-8 with the columns `{", ".join(COLUMNS)}` ({" and ".join(NEEDED)} are needed), separated
by commas or semicolons, at most {MOST_ROWS:,} rows. Bad rows are named by line, column and reason; the good ones go
through, once, however often the request comes.
"""

_LOOK_BACK = f"""
## The look back

`domain/campaign_review.py`, rules `{campaign_review.RULES_VERSION}`. Work again is what the brand said with its rating;
where it did not say, a mean of the six ratings of at least {campaign_review.WORK_AGAIN_RATING / 100:.2f} and a day that
was kept. Of those, who is asked for what:

"""


def page() -> str:
    """The whole page."""
    parts = [
        _HEAD,
        _EDITS,
        "\n".join(_edits()),
        _CANCELLING,
        "\n".join(_fates()),
        "\n",
        _CONTRACTS,
        _PARCELS,
        _MONEY,
        _EXPORTS,
        _LOOK_BACK,
        "\n".join(_reactivation()),
        "\n\nAdvice:\n\n",
        "\n".join(f"- {(rule.__doc__ or '').splitlines()[0]}" for rule in campaign_review.ADVICE),
        "\n",
    ]
    return "".join(parts)


def _edits() -> Iterable[str]:
    yield "| field | after publication | who is told |"
    yield "|---|---|---|"
    for name, rule in RULES.items():
        told = rule.told.value if rule.told is not Told.NOBODY else ""
        yield f"| `{name}` | {(rule.limit or 'yes') if rule.later else 'no'} | {told} |"


def _fates() -> Iterable[str]:
    yield "| state | what becomes of it | what that means |"
    yield "|---|---|---|"
    for state, row in cancelling.TABLE.items():
        yield f"| `{state}` | {row.fate.value} | {row.means} |"


def _reactivation() -> Iterable[str]:
    yield "| kind | mean rating | content quality | compliance | in time |"
    yield "|---|---|---|---|---|"
    for rule in campaign_review.REACTIVATION:
        rating, quality = (f"≥ {each / 100:.2f}" if each else "" for each in (rule.rating, rule.content_quality))
        compliance = f"≥ {rule.compliance} %" if rule.compliance else ""
        yield f"| `{rule.kind}` | {rating} | {quality} | {compliance} | {'yes' if rule.on_time else ''} |"


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    path = Path(arguments[0])
    if "--check" in arguments:
        return 0 if path.read_text(encoding="utf-8") == page() else 1
    path.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
