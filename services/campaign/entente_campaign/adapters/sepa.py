"""An export as a file of SEPA credit transfers, ISO 20022 pain.001.001.09."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping

from entente_campaign.domain.bank_accounts import Account
from entente_campaign.domain.exports import Export, require_payable_by_transfer
from entente_chassis.refusal import Precondition, Violation

SCHEMA = "pain.001.001.09"
_OTHERS = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")


def to_sepa(export: Export, payer: Account | None, payees: Mapping[str, Account]) -> bytes:
    """The file. The same export always makes the same one: what the library makes up at random is derived instead.

    Raises:
        Precondition: an account is missing or was erased; all of them are named. Or it is void, or not in EUR.
    """
    require_payable_by_transfer(export)
    missing = [] if payer else [Violation("brand", f"the account of {export.brand} is not kept", "ACCOUNT_MISSING")]
    missing += [
        Violation(f"lines[{number}].creator", f"the account of {line.creator} is not kept", "ACCOUNT_MISSING")
        for number, line in enumerate(export.lines)
        if line.creator not in payees
    ]
    if missing or payer is None:
        raise Precondition(
            "BANK_ACCOUNT_MISSING",
            f"{export.name} cannot be paid by transfer yet: void it, let the accounts be set (SetBankAccount), and "
            "make another one; or take the CSV format.",
            violations=missing,
        )
    return _write(export, payer, payees)


def _write(export: Export, payer: Account, payees: Mapping[str, Account]) -> bytes:
    from sepaxml import SepaTransfer
    from sepaxml.validation import ValidationError, try_valid_xml

    config = {"name": _latin(payer.holder_name), "IBAN": payer.iban, "batch": True, "currency": "EUR"}
    if payer.bic:
        config["BIC"] = payer.bic
    transfers = SepaTransfer(config, schema=SCHEMA, clean=True)
    for line in export.lines:
        account = payees[line.creator]
        payment = {
            "name": _latin(account.holder_name),
            "IBAN": account.iban,
            "amount": line.amount.minor_units,
            "execution_date": export.execution_time.date(),
            "description": _latin(f"{line.reference} {line.campaign_title}"),
            "endtoend_id": line.reference,
        }
        if account.bic:
            payment["BIC"] = account.bic
        transfers.add_payment(payment)
    content: bytes = transfers.export(validate=False)
    identity = hashlib.sha256(export.name.encode()).hexdigest()[:24].upper()
    content = _set(content, "MsgId", f"ENTENTE-{identity}")
    content = _set(content, "CreDtTm", export.create_time.strftime("%Y-%m-%dT%H:%M:%S"))
    content = _set(content, "PmtInfId", f"ENTENTE-{identity}-1")
    try:
        try_valid_xml(content, SCHEMA)
    except ValidationError as error:
        raise Precondition(
            "SEPA_INVALID", f"{export.name} does not make a valid file: look at the holders' names and accounts."
        ) from error
    return content


def _set(content: bytes, element: str, text: str) -> bytes:
    """Replace what the library made up."""
    changed, count = re.subn(f"(?<=<{element}>)[^<]*(?=</{element}>)".encode(), text.encode(), content)
    assert count == 1, f"the file has {count} {element}"
    return changed


def _latin(text: str) -> str:
    """Only what banks take (EPC217-08): letters lose their accents, and what is left over becomes a blank."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _OTHERS.sub(" ", plain).strip() or "-"
