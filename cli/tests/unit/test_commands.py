"""Commands that need no service: what they print, and how they refuse."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from entente_chassis.auth import KeySet, Role, make_keys
from entente_cli.app import main
from entente_stack.paths import Paths

Entente = Callable[..., tuple[int, str, str]]


@pytest.fixture
def entente(paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Entente:
    """Runs the command on a stack of its own: its exit code, and what it printed to stdout and stderr."""
    monkeypatch.setenv("ENTENTE_STACK_DIR", str(paths.root))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["entente", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        return int(ended.value.code or 0), streams.out, streams.err

    return run


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    make_keys(paths.signing_key, paths.jwks)
    return paths


def test_a_token_is_valid_for_who_was_asked_for(paths: Paths, entente: Entente) -> None:
    code, out, _ = entente("token", "--role", "AGENCY", "--brand", "brands/a", "--brand", "brands/b", "--json")
    caller = KeySet(paths.jwks, "entente", "entente").verify(json.loads(out)["token"])
    assert code == 0
    assert caller.roles == {Role.AGENCY}
    assert caller.acts_for_brand("brands/b")
    assert not caller.acts_for_brand("brands/c")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["token", "--role", "BRAND", "--brand", "a"], "write brands/a"),
        (["token", "--role", "BRAND", "--creator", "creators/a"], "add --role CREATOR"),
        (["creators", "search", "--platform", "myspace"], "it is one of instagram, tiktok"),
        (["creators", "search", "--audience-share", "FR"], "FR=0.4"),
        (["creators", "import", "missing.csv"], "There is no file missing.csv"),
        (["campaign", "show", "campaigns/x"], "Start it with `entente up`"),
        (["campaign", "applications", "accept", "campaigns/x"], "Say whom"),
        (["campaign", "applications", "decline", "c", "--filter", "fit < 60", "--reason", "age"], "one of audience"),
        (["campaign", "ship", "campaigns/x"], "--csv with a file"),
        (["campaign", "ship", "campaigns/x", "--csv", "nowhere.csv"], "cannot be read"),
        (["campaign", "contract", "offer", "campaigns/x/collaborations/a", "nowhere.json"], "cannot be read"),
        (["campaign", "payables", "export", "brands/x", "--format", "pdf"], "one of csv, sepa"),
        (["campaign", "dispute", "resolve", "campaigns/x/collaborations/a", "win", "why"], "resume, settle, cancel"),
        (["dlq", "show", "billing", "deadLetters/x"], "There is no service 'billing'"),
    ],
)
def test_a_mistake_is_answered_in_words(entente: Entente, arguments: list[str], said: str) -> None:
    code, out, err = entente(*arguments)
    assert code == 1
    assert out == ""
    assert said in err


def test_the_status_of_nothing_is_told_and_is_a_failure(entente: Entente) -> None:
    code, out, _ = entente("status", "--json")
    assert code == 1
    assert json.loads(out) == {"processes": [], "ready": False}
