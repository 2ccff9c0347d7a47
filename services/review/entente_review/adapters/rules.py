"""The disclosure rules that come with this version of the service."""

import tomllib
from importlib.resources import files

from cattrs import Converter

from entente_review.domain.disclosure import RuleSet


def load_rules() -> RuleSet:
    """Read the packaged rules. A field that no rule knows is a mistake in the data and refuses to start."""
    text = files("entente_review").joinpath("rules/disclosure.toml").read_text(encoding="utf-8")
    return Converter(forbid_extra_keys=True).structure(tomllib.loads(text), RuleSet)
