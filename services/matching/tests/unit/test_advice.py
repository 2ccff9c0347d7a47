import pytest

from entente_matching.adapters.reference import load_reference
from entente_matching.domain.advice import advise, kinds_of
from entente_matching.domain.words import Platform

RULES = load_reference().advice


@pytest.mark.parametrize(
    ("kinds", "ages", "platforms"),
    [
        (["VISUAL"], [], [Platform.INSTAGRAM, Platform.TIKTOK]),
        (["VISUAL"], ["13-17", "18-24"], [Platform.TIKTOK, Platform.INSTAGRAM]),
        (["VISUAL"], ["35-44"], [Platform.INSTAGRAM, Platform.PINTEREST]),
        (["TUTORIAL"], [], [Platform.YOUTUBE]),
        (["COMMUNITY"], ["45-54"], [Platform.FACEBOOK]),
        (["GAMING"], [], [Platform.TWITCH, Platform.YOUTUBE]),
        (["B2B"], ["25-34"], [Platform.LINKEDIN]),
        (["VISUAL", "TUTORIAL"], [], [Platform.TIKTOK, Platform.YOUTUBE]),
    ],
)
def test_one_or_two_platforms_are_advised_with_reasons(
    kinds: list[str], ages: list[str], platforms: list[Platform]
) -> None:
    advised = advise(kinds, ages, RULES)
    assert [each.platform for each in advised] == platforms
    assert all(each.reasons for each in advised)


def test_every_kind_of_product_gets_advice_and_never_more_than_two_platforms() -> None:
    assert kinds_of(RULES) == ["B2B", "COMMUNITY", "GAMING", "TUTORIAL", "VISUAL"]
    for kind in kinds_of(RULES):
        assert 1 <= len(advise([kind], ["18-24", "25-34", "45-54"], RULES)) <= 2
    assert advise([], ["18-24"], RULES) == []
