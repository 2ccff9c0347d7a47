"""Bank accounts: personal data, kept apart so that they can be erased.

They are in no event, no log and no other document. An export names an account by its revision, so that the same export
makes the same file after an account was changed; erasing takes every revision away.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from entente_chassis.refusal import Exhausted, Invalid, Violation

MOST_REVISIONS = 50


@dataclass(frozen=True)
class Account:
    """A bank account, as a revision had it."""

    holder_name: str
    iban: str
    bic: str = ""


@dataclass(frozen=True)
class BankAccount:
    """The bank account of a creator or a brand. ``revisions`` is by number, and empty once it was erased."""

    owner: str
    update_time: datetime
    revision: int = 0
    revisions: dict[str, Account] = field(default_factory=dict)

    @property
    def current(self) -> Account | None:
        """The account that is paid now."""
        return self.revisions.get(str(self.revision))

    def at(self, revision: int) -> Account | None:
        """The account as a revision had it; None when there is none, or it was erased."""
        return self.revisions.get(str(revision))


def account_name(owner: str) -> str:
    """The one account of a creator or a brand."""
    return f"{owner}/bankAccount"


def put(existing: BankAccount | None, owner: str, account: Account, now: datetime) -> BankAccount | None:
    """Keep an account; None when it is the same.

    Raises:
        Invalid: the number's check digits are wrong.
        Exhausted: it was changed too often.
    """
    account = replace(account, iban=account.iban.replace(" ", ""))
    if not is_iban(account.iban):
        raise Invalid(
            "IBAN_INVALID",
            "The number is no IBAN: look at its digits.",
            violations=[Violation("iban", "its check digits or its length are wrong", "CHECK_DIGITS")],
        )
    before = existing or BankAccount(owner, now)
    if before.current == account:
        return None
    if len(before.revisions) >= MOST_REVISIONS:
        raise Exhausted("TOO_MANY_REVISIONS", "The account was changed too often: erase it first (DeleteBankAccount).")
    number = before.revision + 1
    return replace(before, revision=number, revisions={**before.revisions, str(number): account}, update_time=now)


def erase(existing: BankAccount, now: datetime) -> BankAccount | None:
    """Take every revision away; None when there is none. The number goes on: no export finds another account."""
    if not existing.revisions:
        return None
    return replace(existing, revisions={}, update_time=now)


def is_iban(number: str) -> bool:
    """Whether the check digits are right: ISO 13616, modulo 97 as ISO 7064 says."""
    if not 15 <= len(number) <= 34 or not number.isalnum():
        return False
    return int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1
