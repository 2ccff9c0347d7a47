"""A brand's own words."""

from collections.abc import Sequence
from dataclasses import replace

from entente_chassis.refusal import AlreadyExists
from entente_chassis.store import Change, Outcome, Request
from entente_messaging.application.commands.common import masked
from entente_messaging.application.stores import Stores
from entente_messaging.domain.names import template_name
from entente_messaging.domain.occasions import Occasion
from entente_messaging.domain.templates import Template, check_whole

_FIELDS = {"subject", "body"}


async def create_template(
    stores: Stores,
    brand: str,
    occasion: Occasion,
    locale: str,
    subject: str,
    body: str,
    *,
    request: Request | None,
) -> Outcome[Template]:
    """Keep a brand's own words.

    Raises:
        AlreadyExists: the brand has words for this occasion and locale.
        Invalid: the words use what is not there.
    """
    check_whole(locale, subject, body)
    stores.words.check(occasion, subject, body)
    now = stores.clock.now()
    name = template_name(brand, occasion, locale)

    def decide(template: Template | None) -> Change[Template]:
        if template is not None:
            raise AlreadyExists("TEMPLATE_EXISTS", f"{name} exists: change it with UpdateTemplate.", resource=name)
        return Change(Template(brand, occasion, locale, subject, body, now, now))

    return await stores.templates.change(name, decide, request=request)


async def update_template(
    stores: Stores, name: str, subject: str, body: str, mask: Sequence[str], *, etag: str, request: Request | None
) -> Outcome[Template]:
    """Change a brand's own words.

    Raises:
        Invalid: the mask or the words use what is not there.
        NotFound: there is no such template.
    """
    fields = masked(mask, _FIELDS)
    wanted = {field: value for field, value in (("subject", subject), ("body", body)) if field in fields}

    def decide(template: Template | None) -> Change[Template] | None:
        if template is None:
            return None
        after = replace(template, **wanted, updated_at=stores.clock.now())  # type: ignore[arg-type]
        check_whole(after.locale, after.subject, after.body)
        stores.words.check(after.occasion, after.subject, after.body)
        return Change(after)

    return await stores.templates.change(name, decide, request=request, etag=etag or None)
