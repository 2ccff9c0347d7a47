"""The text of a contract: the same clauses always make the same text, so that its SHA-256 can be frozen.

Amounts are written with the code of their currency and dates in UTC, whatever the language. Changing a word here
changes no contract that was offered before: each version keeps its own text.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from entente_campaign.domain.clauses import Clauses, DisputeForum, UsageRight
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.events import Terms
from entente_campaign.domain.words import deadlines
from entente_chassis.money import Money

Words = Mapping[str, str]

_FR: Words = {
    "title": "# Contrat de collaboration, version {version}",
    "parties": "Entre l’annonceur **{brand}** ({brand_name}) et le créateur **{creator}** ({creator_name}), pour la "
    "campagne « {campaign} » ({campaign_name}).",
    "deliverables": "## 1. Contenus\n\nLe créateur livre, pour validation avant publication :",
    "money": "## 2. Rémunération\n\nTous les montants s’entendent hors TVA.",
    "fee": "Rémunération : {amount}.",
    "no_fee": "Aucune rémunération en argent.",
    "scaled": "Elle est ajustée selon la conformité au brief : {rule}.",
    "linear": "part payée égale à la conformité accordée, en pour cent",
    "step": "{fee} % à partir de {compliance} % de conformité",
    "commission": "Commission : {percent} % du chiffre d’affaires attribué.",
    "gift": "Avantage en nature : produit d’une valeur de {amount}.",
    "travel": "Frais de déplacement : {amount}, payés avec la rémunération.",
    "payment": "Paiement : {days} jours après la publication.",
    "dates": "## 3. Durée\n\nDu {start} au {end}.",
    "rights": "## 4. Propriété intellectuelle et droits d’usage",
    "no_rights": "Le créateur reste seul titulaire de ses droits ; l’annonceur n’en reçoit aucun.",
    "right": "- {media}, {where}, {days} jours à compter de la publication, {kind}",
    "world": "monde entier",
    "exclusive": "à titre exclusif",
    "shared": "à titre non exclusif",
    "secrecy": "## 5. Confidentialité\n\n{clause}",
    "secret": "Chaque partie garde confidentiel ce qu’elle apprend de l’autre, jusqu’à {days} jours après la fin.",
    "open": "Aucune clause de confidentialité.",
    "compete": "## 6. Non-concurrence\n\n{clause}",
    "no_rivals": "Le créateur ne travaille pas pour {names} pendant {days} jours à compter de la publication.",
    "rivals": "Aucune clause de non-concurrence.",
    "disclosure": "## 7. Transparence\n\nLe créateur signale le caractère publicitaire de chaque contenu comme le "
    "demandent les règles des marchés visés.",
    "dispute": "## 8. Litiges\n\n{forum} Droit applicable : {law}.",
    "MEDIATION": "Une médiation par la place de marché précède tout recours aux tribunaux.",
    "ARBITRATION": "Tout litige est tranché par arbitrage.",
    "COURTS": "Tout litige est porté devant les tribunaux compétents.",
    "special": "## 9. Conditions particulières\n\n{text}",
    "none": "Aucune.",
    "POST": "publication",
    "STORY": "story",
    "REEL": "vidéo courte (reel, short)",
    "VIDEO": "vidéo",
    "LIVE": "direct",
    "ARTICLE": "article",
    "GIVEAWAY": "jeu-concours",
    "EVENT": "présence à un événement",
}
_EN: Words = {
    "title": "# Collaboration contract, version {version}",
    "parties": "Between the advertiser **{brand}** ({brand_name}) and the creator **{creator}** ({creator_name}), "
    "for the campaign “{campaign}” ({campaign_name}).",
    "deliverables": "## 1. Content\n\nThe creator delivers, for approval before publication:",
    "money": "## 2. Remuneration\n\nAll amounts exclude VAT.",
    "fee": "Fee: {amount}.",
    "no_fee": "No fee in money.",
    "scaled": "It is scaled by how much of the brief is met: {rule}.",
    "linear": "the share that is paid is the compliance that was granted, in percent",
    "step": "{fee} % from {compliance} % compliance on",
    "commission": "Commission: {percent} % of the attributed revenue.",
    "gift": "Benefit in kind: a product worth {amount}.",
    "travel": "Travel costs: {amount}, paid with the fee.",
    "payment": "Payment: {days} days after publication.",
    "dates": "## 3. Term\n\nFrom {start} to {end}.",
    "rights": "## 4. Copyright and rights of use",
    "no_rights": "The creator keeps all rights; the advertiser is given none.",
    "right": "- {media}, {where}, {days} days from publication, {kind}",
    "world": "worldwide",
    "exclusive": "exclusive",
    "shared": "not exclusive",
    "secrecy": "## 5. Confidentiality\n\n{clause}",
    "secret": "Each side keeps to itself what it learns of the other, until {days} days after the end.",
    "open": "No clause on confidentiality.",
    "compete": "## 6. Non-compete\n\n{clause}",
    "no_rivals": "The creator does not work for {names} for {days} days from publication.",
    "rivals": "No clause on competitors.",
    "disclosure": "## 7. Disclosure\n\nThe creator discloses the advertising character of every piece of content "
    "as the rules of the markets ask for.",
    "dispute": "## 8. Disputes\n\n{forum} Governing law: {law}.",
    "MEDIATION": "The marketplace mediates before anybody goes to court.",
    "ARBITRATION": "Every dispute is settled by arbitration.",
    "COURTS": "Every dispute is brought before the competent courts.",
    "special": "## 9. Special terms\n\n{text}",
    "none": "None.",
    "POST": "post",
    "STORY": "story",
    "REEL": "short video (reel, short)",
    "VIDEO": "video",
    "LIVE": "live stream",
    "ARTICLE": "article",
    "GIVEAWAY": "giveaway",
    "EVENT": "presence at an event",
}
DECIMALS: Mapping[str, int] = {
    code: decimals
    for decimals, codes in (
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
    )
    for code in codes.split()
}
"""Decimals of a currency's minor unit where they are not two (ISO 4217)."""

LANGUAGES: Mapping[str, Words] = {"fr": _FR, "en": _EN}


def render(clauses: Clauses, terms: Terms, collaboration: Collaboration, version: int, language: str) -> str:
    """The text, Markdown. ``language`` is one of LANGUAGES."""
    words = LANGUAGES[language]
    parts = [
        words["title"].format(version=version),
        words["parties"].format(
            brand=collaboration.brand_display_name,
            brand_name=collaboration.brand,
            creator=collaboration.creator_display_name,
            creator_name=collaboration.creator,
            campaign=collaboration.campaign_title,
            campaign_name=collaboration.campaign,
        ),
        "\n".join((words["deliverables"], "", *_deliverables(words, terms))),
        "\n\n".join((words["money"], *_money(words, terms, collaboration))),
        words["dates"].format(start=_day(clauses.start_time), end=_day(clauses.end_time)),
        "\n".join((words["rights"], "", *_rights(words, clauses.usage_rights))),
        words["secrecy"].format(clause=_secrecy(words, clauses)),
        words["compete"].format(clause=_non_compete(words, clauses)),
        words["disclosure"],
        words["dispute"].format(
            forum=words[clauses.dispute_forum or DisputeForum.COURTS], law=clauses.governing_law or "-"
        ),
        words["special"].format(text=clauses.special_terms or words["none"]),
    ]
    return "\n\n".join(parts) + "\n"


def _deliverables(words: Words, terms: Terms) -> Iterator[str]:
    counted = Counter((each.kind, each.platform) for each in terms.deliverables)
    for (kind, platform), number in counted.items():
        yield f"- {number} x {words[kind]}" + (f" ({platform})" if platform else "")


def _money(words: Words, terms: Terms, collaboration: Collaboration) -> Iterator[str]:
    fee = terms.fee
    yield words["fee"].format(amount=_amount(fee)) if fee and fee.minor_units else words["no_fee"]
    if terms.scale_fee_with_compliance:
        steps = [
            words["step"].format(fee=step.fee_percent, compliance=step.compliance_percent) for step in terms.fee_steps
        ]
        yield words["scaled"].format(rule=", ".join(steps) or words["linear"])
    if terms.commission_basis_points:
        yield words["commission"].format(percent=f"{terms.commission_basis_points / 100:g}")
    if terms.gift_value:
        yield words["gift"].format(amount=_amount(terms.gift_value))
    if terms.travel_costs:
        yield words["travel"].format(amount=_amount(terms.travel_costs))
    days = terms.payment_days or deadlines(collaboration.timeline, collaboration.platform).payment
    yield words["payment"].format(days=days)


def _rights(words: Words, rights: tuple[UsageRight, ...]) -> Iterator[str]:
    if not rights:
        yield words["no_rights"]
    for right in rights:
        yield words["right"].format(
            media=right.media,
            where=", ".join(right.territories) or words["world"],
            days=right.duration_days,
            kind=words["exclusive" if right.exclusive else "shared"],
        )


def _secrecy(words: Words, clauses: Clauses) -> str:
    days = clauses.confidentiality_days
    return words["secret"].format(days=days) if days else words["open"]


def _non_compete(words: Words, clauses: Clauses) -> str:
    if not clauses.non_compete_days:
        return words["rivals"]
    return words["no_rivals"].format(names=", ".join(clauses.competitors), days=clauses.non_compete_days)


def _amount(amount: Money) -> str:
    decimals = DECIMALS.get(amount.currency_code, 2)
    whole, rest = divmod(amount.minor_units, 10**decimals)
    digits = f"{whole}.{rest:0{decimals}}" if decimals else str(whole)
    return f"{digits} {amount.currency_code}"


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else "-"
