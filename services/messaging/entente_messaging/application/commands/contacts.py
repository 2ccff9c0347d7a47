"""How a brand or creator is reached."""

from collections.abc import Sequence
from dataclasses import replace

from entente_chassis.refusal import Precondition
from entente_chassis.store import Change, Outcome, Request
from entente_messaging.application.commands.common import masked
from entente_messaging.application.commands.telling import is_erased
from entente_messaging.application.stores import Stores
from entente_messaging.domain.contacts import Contact, checked

_FIELDS = {"email", "locale", "time_zone", "email_enabled"}


async def set_contact(
    stores: Stores, name: str, wanted: Contact, mask: Sequence[str], *, etag: str, request: Request | None
) -> Outcome[Contact]:
    """Set how a brand or creator is reached.

    Raises:
        Invalid: the mask or the contact has unusable fields.
        Precondition: the person was erased.
    """
    fields = masked(mask, _FIELDS)
    if await is_erased(stores, name.removesuffix("/contact")):
        raise Precondition("PERSON_ERASED", "This person was erased: a new registration gets a new name.")

    def decide(contact: Contact | None) -> Change[Contact]:
        before = contact or Contact(email="", locale="")
        after = replace(before, **{field: getattr(wanted, field) for field in fields}, updated_at=stores.clock.now())
        if after.email != before.email:
            after = replace(after, email_problem="")
        return Change(checked(after))

    return await stores.contacts.change(name, decide, request=request, etag=etag or None)
