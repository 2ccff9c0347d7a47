from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr

from entente_chassis.settings import Listed, ServiceSettings, SettingsError, is_loopback, load, split_address, table

_LEAST = {
    "ENTENTE_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "ENTENTE_MONGO_URI": "mongodb://user:secret@db:27017/?retryWrites=false",
    "ENTENTE_AUTH_JWKS": "/keys/jwks.json",
}


class Settings(ServiceSettings):
    smtp_password: SecretStr = Field(default=SecretStr(""), description="Password of the mail server.")
    markets: Listed = Field(default=("FR", "IT"), description="Markets | served.")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    import os

    for name in [name for name in os.environ if name.upper().startswith("ENTENTE_")]:
        monkeypatch.delenv(name)
    for name, value in _LEAST.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_variables_are_read_with_their_types_and_defaults(environment: Any) -> None:
    environment.setenv("ENTENTE_DRAIN_SECONDS", "7.5")
    environment.setenv("ENTENTE_CLOCK_ANCHOR", "2026-01-01T00:00:00Z")
    environment.setenv("ENTENTE_MARKETS", "LV, FR,")
    environment.setenv("ENTENTE_LOG_LEVEL", "")
    settings = load(Settings)
    assert (settings.drain_seconds, settings.topic_partitions, settings.log_level) == (7.5, 48, "INFO")
    assert settings.clock_anchor is not None
    assert settings.clock_anchor.year == 2026
    assert settings.markets == ("LV", "FR")
    assert settings.auth_jwks == Path("/keys/jwks.json")
    assert settings.database_name("campaign") == "entente_campaign"


def test_an_unknown_variable_is_refused_with_the_nearest_name(environment: Any) -> None:
    environment.setenv("ENTENTE_MONGO_URL", "mongodb://x")
    environment.setenv("ENTENTE_XYZZY", "1")
    with pytest.raises(SettingsError) as refused:
        load(Settings)
    assert "ENTENTE_MONGO_URL is unknown; did you mean ENTENTE_MONGO_URI?" in str(refused.value)
    assert "ENTENTE_XYZZY is unknown; see docs/configuration.md" in str(refused.value)


def test_everything_that_is_wrong_is_named_at_once_and_secrets_are_not(environment: Any) -> None:
    environment.delenv("ENTENTE_AUTH_JWKS")
    environment.setenv("ENTENTE_TOPIC_PARTITIONS", "0")
    environment.setenv("ENTENTE_GRPC_BIND", "50051")
    environment.setenv("ENTENTE_NOPE", "1")
    with pytest.raises(SettingsError) as refused:
        load(Settings)
    message = str(refused.value)
    for part in (
        "ENTENTE_AUTH_JWKS: is required",
        "ENTENTE_TOPIC_PARTITIONS",
        "ENTENTE_GRPC_BIND: must be host:port",
        "NOPE",
    ):
        assert part in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"GRPC_BIND": "0.0.0.0:1"}, "without encryption"),
        ({"TLS_CERT": "/c.pem"}, "belong together"),
        ({"TLS_CA": "/ca.pem"}, "tls_ca needs"),
        ({"CLOCK_SCALE": "86400"}, "needs clock_anchor"),
        ({"CLOCK_FILE": "/now", "CLOCK_SCALE": "2"}, "stands alone"),
        ({"CLOCK_ANCHOR": "2026-01-01T00:00:00"}, "ENTENTE_CLOCK_ANCHOR"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(environment: Any, given: dict[str, str], problem: str) -> None:
    for name, value in given.items():
        environment.setenv(f"ENTENTE_{name}", value)
    with pytest.raises(SettingsError, match=problem):
        load(Settings)


def test_plaintext_beyond_loopback_needs_to_be_asked_for_or_encrypted(environment: Any) -> None:
    environment.setenv("ENTENTE_GRPC_BIND", "0.0.0.0:50051")
    environment.setenv("ENTENTE_INSECURE", "true")
    assert load(Settings).insecure
    environment.delenv("ENTENTE_INSECURE")
    environment.setenv("ENTENTE_TLS_CERT", "/c.pem")
    environment.setenv("ENTENTE_TLS_KEY", "/k.pem")
    assert load(Settings).tls_cert == Path("/c.pem")


def test_the_summary_holds_no_secret(environment: Any) -> None:
    environment.setenv("ENTENTE_SMTP_PASSWORD", "hunter2")
    summary = load(Settings).summary()
    assert summary["mongo_uri"] == "mongodb://***@db:27017/?retryWrites=false"
    assert summary["smtp_password"] == "(set)"
    assert "hunter2" not in str(summary)
    assert "secret" not in str(summary)


def test_the_table_has_every_variable_and_a_services_own_can_stand_alone() -> None:
    whole, own = table(Settings), table(Settings, without=ServiceSettings)
    assert whole.count("\n") == 2 + len(Settings.model_fields)
    assert own.splitlines()[2:] == [
        "| `ENTENTE_SMTP_PASSWORD` | secret |  | Password of the mail server. |",
        "| `ENTENTE_MARKETS` | list, separated by commas | `FR,IT` | Markets \\| served. |",
    ]
    assert "| `ENTENTE_INSECURE` | true or false | `false` |" in whole
    assert "| `ENTENTE_MONGO_URI` | text | **required** |" in whole


def test_a_field_without_a_description_cannot_be_documented() -> None:
    class Careless(ServiceSettings):
        colour: str = "red"

    with pytest.raises(ValueError, match=r"Careless\.colour"):
        table(Careless)


def test_addresses() -> None:
    assert split_address("[::1]:50051") == ("::1", 50051)
    assert is_loopback("localhost:1")
    assert is_loopback("127.9.9.9:1")
    assert is_loopback("[::1]:1")
    assert not is_loopback("0.0.0.0:1")
    assert not is_loopback("[::]:1")
    for wrong in ("host", ":1", "host:x", "host:70000"):
        with pytest.raises(ValueError, match="host:port"):
            split_address(wrong)
