"""A brand's own words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from entente_chassis.refusal import AlreadyExists, Invalid, Violation
from entente_chassis.store import Change, Outcome, Request
from entente_messaging.application.commands.common import masked
from entente_messaging.application.commands.telling import contact_of, own_words
from entente_messaging.application.html import to_html
from entente_messaging.application.stores import Stores
from entente_messaging.application.words import Source, examples
from entente_messaging.domain.conversations import Conversation
from entente_messaging.domain.names import template_name, version_name
from entente_messaging.domain.notifications import Said
from entente_messaging.domain.occasions import Occasion
from entente_messaging.domain.templates import Template, TemplateVersion, check_whole

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
    """Keep a brand's own words. One that was deleted comes back with new words, as its next version.

    Raises:
        AlreadyExists: the brand has words for this occasion and locale.
        Invalid: the words use what is not there.
    """
    check_whole(locale, subject, body)
    stores.words.check(occasion, subject, body)
    now = stores.clock.now()
    name = template_name(brand, occasion, locale)

    def decide(template: Template | None) -> Change[Template]:
        if template is None:
            return Change(Template(brand, occasion, locale, subject, body, now, now))
        if not template.deleted:
            raise AlreadyExists("TEMPLATE_EXISTS", f"{name} exists: change it with UpdateTemplate.", resource=name)
        return Change(_changed(template, subject, body, stores))

    return await _keep(stores, await stores.templates.change(name, decide, request=request))


async def update_template(
    stores: Stores, name: str, subject: str, body: str, mask: Sequence[str], *, etag: str, request: Request | None
) -> Outcome[Template]:
    """Change a brand's own words.

    Raises:
        Invalid: the mask or the words use what is not there.
        NotFound: there is no such template.
    """
    fields = masked(mask, _FIELDS)

    def decide(template: Template | None) -> Change[Template] | None:
        if template is None or template.deleted:
            return None
        new_subject = subject if "subject" in fields else template.subject
        new_body = body if "body" in fields else template.body
        check_whole(template.locale, new_subject, new_body)
        stores.words.check(template.occasion, new_subject, new_body)
        if (new_subject, new_body) == (template.subject, template.body):
            return None
        return Change(_changed(template, new_subject, new_body, stores))

    return await _keep(stores, await stores.templates.change(name, decide, request=request, etag=etag or None))


async def delete_template(stores: Stores, name: str, *, etag: str, request: Request | None) -> Outcome[Template]:
    """Take a brand's words out of use: the built-in ones are used again."""

    def decide(template: Template | None) -> Change[Template] | None:
        if template is None or template.deleted:
            return None
        return Change(replace(template, deleted=True, updated_at=stores.clock.now()))

    return await stores.templates.change(name, decide, request=request, etag=etag or None)


async def rollback_template(stores: Stores, name: str, version: int, *, request: Request | None) -> Outcome[Template]:
    """Make the words of an earlier version the present ones, as a new version.

    Raises:
        Invalid: there is no such version, or its words do not fit any more.
    """
    found = await stores.template_versions.get(version_name(name, version))
    if found is None:
        violation = Violation("version", f"{name} has no version {version}", "UNKNOWN_VERSION")
        raise Invalid("VERSION_UNKNOWN", "There is no such version: list them first.", violations=[violation])
    return await update_template(
        stores, name, found.state.subject, found.state.body, sorted(_FIELDS), etag="", request=request
    )


@dataclass(frozen=True)
class Preview:
    """What words look like."""

    said: Said
    html: str


async def preview(
    stores: Stores, brand: str, occasion: Occasion, locale: str, words: Source | None, about: Conversation | None
) -> Preview:
    """Put words together as they would be sent.

    Args:
        stores: where the brand's words are.
        brand: whose.
        occasion: what for.
        locale: "" for the language of the creator in ``about``: as spoken there, else that of the contact.
        words: to try; None for those that would be used.
        about: whose names to put in; None for examples.

    Raises:
        Invalid: the words use what is not there.
    """
    contact = await contact_of(stores, about.about.creator) if about else None
    if not locale:
        locale = (about.creator_language if about else "") or (contact.locale if contact else "")
        locale = locale or stores.default_locale
    values = examples(occasion)
    if about:
        values |= {
            "campaign_title": about.about.campaign_title,
            "brand_name": about.about.brand_display_name,
            "creator_name": about.about.creator_display_name,
        }
    if words is not None:
        stores.words.check(occasion, words.subject, words.body)
    own = (words, locale) if words else await own_words(stores, brand, occasion, locale)
    language = own[1] if own else stores.words.language(locale, stores.default_locale)
    zone = contact.time_zone if contact else ""
    said = stores.words.say(occasion, language, values, own=own[0] if own else None, zone=zone)
    return Preview(said, to_html(said.text))


def _changed(template: Template, subject: str, body: str, stores: Stores) -> Template:
    return replace(
        template,
        subject=subject,
        body=body,
        version=template.version + 1,
        deleted=False,
        updated_at=stores.clock.now(),
    )


async def _keep(stores: Stores, outcome: Outcome[Template]) -> Outcome[Template]:
    """Keep the present words as a version. What a crash leaves out here, the repeat of the request brings."""
    own = outcome.state
    version = TemplateVersion(outcome.id, own.version, own.subject, own.body, own.updated_at)
    await stores.template_versions.create_many([(version_name(outcome.id, own.version), Change(version))])
    return outcome
