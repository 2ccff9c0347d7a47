"""What is checked automatically in a submission: the brief and the disclosure rules, each with its evidence."""

import re
from collections.abc import Callable, Iterable, Iterator

from entente_review.domain.brief import Brief, MandatoryElement
from entente_review.domain.content import Content
from entente_review.domain.criteria import Criterion, CriterionKind, Evidence, Finding, Result
from entente_review.domain.disclosure import Circumstances, RuleSet, check_market
from entente_review.domain.language import detect_language
from entente_review.domain.text import Caption, Likeness, joined, tag_likeness

WEIGHTS = {
    CriterionKind.DISCLOSURE: 20,
    CriterionKind.MANDATORY_ELEMENT: 15,
    CriterionKind.PRODUCT: 15,
    CriterionKind.FORBIDDEN_TERMS: 15,
    CriterionKind.HASHTAGS: 10,
    CriterionKind.MENTIONS: 10,
    CriterionKind.LINK: 10,
    CriterionKind.PROMO_CODE: 10,
    CriterionKind.COMPETITORS: 10,
    CriterionKind.LANGUAGE: 5,
    CriterionKind.MEDIA: 5,
    CriterionKind.LENGTH: 5,
}

_LONGEST_CAPTION = {"INSTAGRAM": 2200, "X": 280, "YOUTUBE": 5000, "LINKEDIN": 3000}
_SHOWN_WITHOUT_FILES = {"LIVE", "EVENT", "ARTICLE"}
_WITHOUT_CAPTION = {"STORY", "LIVE", "EVENT"}
_MOST_EVIDENCE = 20


def check(
    content: Content, *, brief: Brief, markets: tuple[str, ...], platform: str, kind: str, rules: RuleSet
) -> tuple[Criterion, ...]:
    """Everything that is asked of this submission, with what a machine can say of it."""
    caption = Caption(content.caption)
    detected = detect_language(caption)
    criteria = [
        *_disclosures(caption, content, brief, markets, platform, detected, rules),
        *_if(brief.hashtags, CriterionKind.HASHTAGS, "The hashtags of the brief", lambda: _hashtags(caption, brief)),
        *_if(brief.mentions, CriterionKind.MENTIONS, "The mentions of the brief", lambda: _mentions(caption, brief)),
        *_if(
            brief.product,
            CriterionKind.PRODUCT,
            f"The product is named: {brief.product}",
            lambda: _product(caption, brief),
        ),
        *_elements(caption, brief),
        *_if(
            brief.forbidden_terms,
            CriterionKind.FORBIDDEN_TERMS,
            "No forbidden term",
            lambda: _absent(caption, brief.forbidden_terms, "forbidden term"),
        ),
        *_if(
            brief.competitors,
            CriterionKind.COMPETITORS,
            "No competitor is named",
            lambda: _absent(caption, brief.competitors, "competitor"),
        ),
        *_if(brief.link, CriterionKind.LINK, f"The link: {brief.link}", lambda: _link(caption, content, brief.link)),
        *_if(
            brief.promo_code,
            CriterionKind.PROMO_CODE,
            f"The promo code: {brief.promo_code}",
            lambda: _promo_code(caption, brief.promo_code),
        ),
        *_if(
            brief.languages,
            CriterionKind.LANGUAGE,
            f"The language: {', '.join(brief.languages)}",
            lambda: _language(content, brief, detected),
        ),
        *_if(kind not in _SHOWN_WITHOUT_FILES, CriterionKind.MEDIA, "Media is attached", lambda: _media(content)),
        *_if(True, CriterionKind.LENGTH, "The length of the caption", lambda: _length(content, platform, kind)),
    ]
    return tuple(criteria)


def _criterion(kind: CriterionKind, title: str, finding: Finding, *, id: str = "") -> Criterion:
    return Criterion(
        id=id or kind.lower().replace("_", "-"),
        kind=kind,
        title=title,
        weight=WEIGHTS[kind],
        result=finding.result,
        evidence=finding.evidence[:_MOST_EVIDENCE],
        advice=finding.advice,
    )


def _if(asked: object, kind: CriterionKind, title: str, find: Callable[[], Finding]) -> Iterator[Criterion]:
    if asked:
        yield _criterion(kind, title, find())


def _worst(results: Iterable[Result]) -> Result:
    found = set(results)
    return next((result for result in (Result.FAIL, Result.NEEDS_PERSON) if result in found), Result.PASS)


def _disclosures(
    caption: Caption,
    content: Content,
    brief: Brief,
    markets: tuple[str, ...],
    platform: str,
    detected: str | None,
    rules: RuleSet,
) -> Iterator[Criterion]:
    if not markets:
        unknown = Finding(
            Result.NEEDS_PERSON, (), "The markets of the audience are not known: a person must judge the disclosure."
        )
        yield _criterion(CriterionKind.DISCLOSURE, "Advertising is disclosed", unknown)
    given = Circumstances(
        platform=platform,
        compensation=brief.compensation,
        language=detected or content.language or None,
        brand_names=tuple(dict.fromkeys(name for name in (brief.brand_name, *brief.mentions) if joined(name))),
        paid_partnership_label=content.paid_partnership_label,
    )
    for market in markets:
        finding = check_market(caption, market, rules, given)
        known = rules.markets.get(market)
        yield Criterion(
            id=f"disclosure-{market.lower()}",
            kind=CriterionKind.DISCLOSURE,
            title=f"Advertising is disclosed as {market} asks for",
            weight=WEIGHTS[CriterionKind.DISCLOSURE],
            result=finding.result,
            evidence=finding.evidence[:_MOST_EVIDENCE],
            advice=finding.advice,
            market=market,
            rule_version=known.version if known else "",
            rule_source=known.source if known else "",
        )


def _hashtags(caption: Caption, brief: Brief) -> Finding:
    findings = [_hashtag(caption, wanted.lstrip("#\uff03")) for wanted in brief.hashtags]
    return _together(findings)


def _hashtag(caption: Caption, wanted: str) -> Finding:
    near = [(tag, close) for tag in caption.tags if (close := tag_likeness(tag.body, wanted))]
    exact = [tag for tag, close in near if close is Likeness.EXACT]
    for tag in exact:
        if not tag.glued:
            return Finding(Result.PASS, (Evidence("hashtag", tag.text, tag.start, tag.end),), "")
    if exact:
        tag = exact[0]
        return Finding(
            Result.NEEDS_PERSON,
            (Evidence("glued hashtag", tag.text, tag.start, tag.end),),
            f"Put a space before #{wanted}: not every platform takes it for a hashtag.",
        )
    if near:
        tag = near[0][0]
        return Finding(
            Result.FAIL,
            (Evidence("another hashtag that looks alike", tag.text, tag.start, tag.end),),
            f"Write #{wanted} exactly so: accents, fancy letters or hidden characters make another hashtag of it.",
        )
    return Finding(Result.FAIL, (Evidence("missing hashtag", f"#{wanted}"),), f"Add #{wanted}.")


def _mentions(caption: Caption, brief: Brief) -> Finding:
    findings = []
    for wanted in brief.mentions:
        handle = wanted.lstrip("@\uff20")
        found = next((m for m in caption.mentions if m.text.casefold() == handle.casefold()), None)
        if found:
            findings.append(Finding(Result.PASS, (Evidence("mention", f"@{found.text}", found.start, found.end),), ""))
        else:
            findings.append(Finding(Result.FAIL, (Evidence("missing mention", f"@{handle}"),), f"Mention @{handle}."))
    return _together(findings)


def _together(findings: list[Finding]) -> Finding:
    return Finding(
        _worst(finding.result for finding in findings),
        tuple(evidence for finding in findings for evidence in finding.evidence),
        " ".join(finding.advice for finding in findings if finding.advice),
    )


def _product(caption: Caption, brief: Brief) -> Finding:
    found = list(caption.find(brief.product))
    if named := [match for match in found if match.likeness is not Likeness.DISGUISED]:
        return Finding(Result.PASS, tuple(Evidence("product", m.text, m.start, m.end) for m in named), "")
    advice = f"Name the product in full: {brief.product}."
    spelled = joined(brief.product)
    for tag in caption.tags:
        if tag_likeness(tag.body.replace("_", ""), spelled) in (Likeness.EXACT, Likeness.ACCENTS):
            return Finding(Result.PASS, (Evidence("product", tag.text, tag.start, tag.end),), "")
    # A part of the name may be the way people speak of it, or another product of the brand.
    part = [match for word in _telling_words(brief.product) for match in caption.find(word)]
    evidence = tuple(Evidence("part of the name", match.text, match.start, match.end) for match in found or part)
    if evidence:
        return Finding(Result.NEEDS_PERSON, evidence, advice)
    return Finding(Result.FAIL, (Evidence("missing product", brief.product),), advice)


def _telling_words(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]+", text) if len(word) > 3]


def _elements(caption: Caption, brief: Brief) -> Iterator[Criterion]:
    for element in brief.mandatory_elements:
        yield _criterion(
            CriterionKind.MANDATORY_ELEMENT,
            f"Mandatory: {element.description}",
            _element(caption, element),
            id=f"mandatory-{element.id}",
        )


def _element(caption: Caption, element: MandatoryElement) -> Finding:
    matches = [match for term in element.accepted_terms for match in caption.find(term)]
    if said := [match for match in matches if match.likeness is not Likeness.DISGUISED]:
        return Finding(Result.PASS, tuple(Evidence("said", m.text, m.start, m.end) for m in said), "")
    tagged = [
        Evidence("said", tag.text, tag.start, tag.end)
        for tag in caption.tags
        if any(tag_likeness(tag.body, term.replace(" ", "")) is Likeness.EXACT for term in element.accepted_terms)
    ]
    if tagged:
        return Finding(Result.PASS, tuple(tagged), "")
    if matches:
        disguised = tuple(Evidence("hidden or look-alike characters", m.text, m.start, m.end) for m in matches)
        return Finding(Result.NEEDS_PERSON, disguised, f"Type it anew: {matches[0].text}.")
    if element.accepted_terms:
        missing = tuple(Evidence("missing words", term) for term in element.accepted_terms)
        asked = element.description.rstrip(".")
        return Finding(Result.FAIL, missing, f"{asked}: say {_either(element.accepted_terms)}.")
    hints = tuple(
        Evidence("perhaps about it", match.text, match.start, match.end)
        for word in _telling_words(element.description)
        for match in caption.find(word)
    )
    return Finding(Result.NEEDS_PERSON, hints, f"A person must see whether this is met: {element.description}")


def _either(terms: tuple[str, ...]) -> str:
    return " or ".join(f"“{term}”" for term in terms)


def _absent(caption: Caption, terms: tuple[str, ...], label: str) -> Finding:
    evidence: list[Evidence] = []
    results: list[Result] = []
    handles = [(tag.start, tag.end, joined(tag.body)) for tag in caption.tags]
    handles += [(mention.start, mention.end, joined(mention.text)) for mention in caption.mentions]
    for term in terms:
        spelled = joined(term)
        for match in caption.find(term.lstrip("#@")):
            # Look-alike letters may also be an honest word of another script.
            results.append(Result.NEEDS_PERSON if match.likeness is Likeness.DISGUISED else Result.FAIL)
            evidence.append(Evidence(label, match.text, match.start, match.end))
        for start, end, name in handles:
            if name == spelled or (len(spelled) > 3 and spelled in name):
                results.append(Result.FAIL if name == spelled else Result.NEEDS_PERSON)
                evidence.append(Evidence(label, caption.text[start:end], start, end))
    words = ", ".join(dict.fromkeys(found.text for found in evidence))
    return Finding(_worst(results), tuple(evidence), f"Take out: {words}." if evidence else "")


def _link(caption: Caption, content: Content, wanted: str) -> Finding:
    target = _bare(wanted)
    for link in caption.links:
        if _leads_to(link.text, target):
            return Finding(Result.PASS, (Evidence("link", link.text, link.start, link.end),), "")
    for beside in content.links:
        if _leads_to(beside, target):
            return Finding(Result.PASS, (Evidence("link beside the caption", beside),), "")
    return Finding(Result.FAIL, (Evidence("missing link", wanted),), f"Add the link {wanted}.")


def _bare(link: str) -> str:
    return re.sub(r"^(https?://)?(www\.)?", "", link.strip().casefold()).rstrip("/")


def _leads_to(link: str, target: str) -> bool:
    return re.match(re.escape(target) + r"($|[/?#])", _bare(link)) is not None


def _promo_code(caption: Caption, code: str) -> Finding:
    found = [match for match in caption.find(code) if match.likeness is Likeness.EXACT]
    evidence = [Evidence("promo code", match.text, match.start, match.end) for match in found]
    evidence += [
        Evidence("promo code", tag.text, tag.start, tag.end)
        for tag in caption.tags
        if tag_likeness(tag.body, code) is Likeness.EXACT
    ]
    if evidence:
        return Finding(Result.PASS, tuple(evidence), "")
    return Finding(Result.FAIL, (Evidence("missing promo code", code),), f"Give the promo code {code}.")


def _language(content: Content, brief: Brief, detected: str | None) -> Finding:
    wanted = ", ".join(brief.languages)
    if detected is None:
        return Finding(Result.NEEDS_PERSON, (), f"The language could not be told: it should be {wanted}.")
    evidence = (Evidence("language", detected),)
    if detected not in brief.languages:
        return Finding(Result.FAIL, evidence, f"Write in {wanted}.")
    if content.language and content.language != detected:
        return Finding(
            Result.NEEDS_PERSON, evidence, f"It was said to be {content.language}; it looks like {detected}."
        )
    return Finding(Result.PASS, evidence, "")


def _media(content: Content) -> Finding:
    if content.media:
        return Finding(Result.PASS, tuple(Evidence("media", url) for url in content.media), "")
    return Finding(Result.FAIL, (), "Attach the picture or video that will be published.")


def _length(content: Content, platform: str, kind: str) -> Finding:
    if not content.caption.strip():
        if kind in _WITHOUT_CAPTION:
            return Finding(Result.NEEDS_PERSON, (), "There is no caption: a person must look at the content itself.")
        return Finding(Result.FAIL, (), "Write a caption.")
    longest = _LONGEST_CAPTION.get(platform)
    if longest and len(content.caption) > longest:
        return Finding(
            Result.FAIL,
            (Evidence("beyond the limit", content.caption[longest : longest + 40], longest, len(content.caption)),),
            f"Shorten the caption to {longest} characters, the limit of the platform.",
        )
    return Finding(Result.PASS, (), "")
