"""What matching knows beforehand: size bands, benchmarks, countries, words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_matching.domain.reference import Benchmark, Reference, Tier, Tiers, Vocabulary, read_benchmark
from entente_matching.domain.words import Platform

BENCHMARK = Benchmark("m", Platform.TIKTOK, "", 0, None, ((0.1, 0.02), (0.5, 0.05), (0.9, 0.11)))


@pytest.mark.parametrize(
    ("followers", "tier"),
    [(0, "nano"), (9_999, "nano"), (10_000, "micro"), (100_000, "macro"), (999_999, "macro"), (1_000_000, "mega")],
)
def test_a_tier_begins_at_its_least_followers(reference: Reference, followers: int, tier: str) -> None:
    assert reference.tiers.of(followers) == tier


def test_unknown_followers_have_no_tier(reference: Reference) -> None:
    assert reference.tiers.of(None) == ""


def test_tiers_that_leave_small_accounts_out_are_refused() -> None:
    with pytest.raises(ValueError, match="begin at 0"):
        Tiers([Tier("micro", 10_000)])


@pytest.mark.parametrize(
    ("followers", "band"),
    [(1_000, "nano"), (10_000, "micro"), (49_999, "micro"), (50_000, "mid"), (500_000, "macro"), (2_000_000, "mega")],
)
def test_an_account_is_compared_with_those_of_its_size(reference: Reference, followers: int, band: str) -> None:
    found = reference.benchmarks.find("engagement_rate_by_followers", Platform.INSTAGRAM, followers)
    assert found is not None
    assert found.population.startswith(f"INSTAGRAM, {band}")


def test_rates_by_views_and_by_followers_are_never_compared(reference: Reference) -> None:
    assert reference.benchmarks.find("engagement_rate_by_followers", Platform.TIKTOK, 50_000) is None
    assert reference.benchmarks.find("engagement_rate_by_views", Platform.INSTAGRAM, 50_000) is None


def test_a_size_that_was_not_measured_has_no_benchmark(reference: Reference) -> None:
    assert reference.benchmarks.find("engagement_rate_by_followers", Platform.INSTAGRAM, 500) is None


@pytest.mark.parametrize(("value", "percentile"), [(0.02, 0.1), (0.05, 0.5), (0.11, 0.9), (0.035, 0.3), (0.22, 1.0)])
def test_percentiles_are_the_measured_ones_and_straight_lines_between_them(value: float, percentile: float) -> None:
    assert BENCHMARK.percentile(value) == pytest.approx(percentile)


@given(st.floats(-1, 10), st.floats(-1, 10))
def test_a_larger_figure_never_has_a_smaller_percentile(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= BENCHMARK.percentile(low) <= BENCHMARK.percentile(high) <= 1


def test_a_benchmark_of_an_unknown_metric_or_band_is_refused() -> None:
    row = {
        "source": "s", "platform": "tiktok", "tier": "nano 1-10k", "n_creators": "3", "metric": "ER_by_views_pct",
        "p10": "1", "p25": "", "p50": "2", "p75": "", "p90": "3",
    }  # fmt: skip
    assert read_benchmark(row).percentiles == ((0.1, 0.01), (0.5, 0.02), (0.9, 0.03))
    with pytest.raises(ValueError, match="unknown metric"):
        read_benchmark(row | {"metric": "likes"})
    with pytest.raises(ValueError, match="size band"):
        read_benchmark(row | {"tier": "small ones"})


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("India", "IN"),
        ("united states", "US"),
        (" South  Korea ", "KR"),
        ("Türkiye", "TR"),
        ("Tu\u0308rkiye", "TR"),
        ("Côte d'Ivoire", "CI"),
        ("fr", "FR"),
    ],
)
def test_country_names_and_codes_are_understood(reference: Reference, name: str, code: str) -> None:
    assert reference.countries.code(name) == code


@pytest.mark.parametrize("name", ["", "0", "4.9M", "Atlantis", "🇫🇷"])
def test_what_is_no_country_is_not_taken_for_one(reference: Reference, name: str) -> None:
    assert reference.countries.code(name) is None


def test_sources_words_for_a_topic_become_one_word(reference: Reference) -> None:
    assert reference.vocabulary.words(["Fitness & Gym", "fitness", "Music & Dance"]) == ("fitness", "music", "dance")


@given(st.lists(st.text(max_size=80), max_size=5))
def test_words_are_canonical_already_when_they_come_back(labels: list[str]) -> None:
    vocabulary = Vocabulary([("Beauty", ["beauty"])])
    words = vocabulary.words(labels)
    assert len(set(words)) == len(words)
    assert all(word and len(word) <= 64 for word in words)
    assert vocabulary.words(word for word in words if word.isascii()) == tuple(word for word in words if word.isascii())
