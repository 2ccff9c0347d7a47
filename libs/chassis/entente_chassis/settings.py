"""Settings of a service: environment variables that start with ENTENTE_: typed, documented, unknown ones refused."""

import difflib
import os
import re
import socket
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args, get_origin

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "ENTENTE_"

_TYPE_NAMES: dict[Any, str] = {
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    AwareDatetime: "time",
    SecretStr: "secret",
}


class SettingsError(Exception):
    """The environment does not describe a service that can start. The message names every variable at fault."""


def split_address(address: str) -> tuple[str, int]:
    """Host and port of "host:port", where an IPv6 host stands in brackets.

    Raises:
        ValueError: it is not written that way.
    """
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must be host:port, for example 127.0.0.1:50051")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address."""
    host, _ = split_address(address)
    return host in {"localhost", "::1"} or host.startswith("127.")


def _checked_address(address: str) -> str:
    split_address(address)
    return address


def _split_list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(_checked_address)]
Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_list)]
"""A list that is written with commas."""


class ServiceSettings(BaseSettings):
    """What every service is told by its environment. A service adds its own fields in a subclass."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    kafka_bootstrap: str = Field(description="Kafka brokers to start from: host:port, separated by commas.")
    mongo_uri: str = Field(
        description="Connection string of MongoDB. It may hold a password and is never logged whole."
    )
    database: str = Field(default="", description="Name of the service's own database. Empty: entente_ and its name.")

    grpc_bind: Address = Field(
        default="127.0.0.1:0", description="Address that the gRPC server listens on; port 0 takes a free one."
    )
    metrics_bind: Address = Field(
        default="127.0.0.1:0",
        description="Address of /metrics, /healthz/live and /healthz/ready; port 0 takes a free one.",
    )
    instance: str = Field(
        default_factory=socket.gethostname,
        description="Name of this replica, the same after a restart (Kafka static membership). Empty: the host's name.",
    )

    auth_jwks: Path = Field(
        description="File of the public keys (JWKS) that callers' tokens are checked with; re-read on change."
    )
    auth_signing_key: Path | None = Field(
        default=None,
        description="File of the private key (PEM) that signs this service's own tokens, to call other services.",
    )
    auth_issuer: str = Field(default="entente", description='The "iss" that tokens must carry.')
    auth_audience: str = Field(default="entente", description='The "aud" that tokens must carry.')

    tls_cert: Path | None = Field(
        default=None, description="Certificate chain (PEM) of this service. With ENTENTE_TLS_KEY gRPC speaks TLS."
    )
    tls_key: Path | None = Field(default=None, description="Private key (PEM) of the certificate.")
    tls_ca: Path | None = Field(
        default=None,
        description="Certificate authority (PEM). With it both sides of a connection must show a certificate of it.",
    )
    insecure: bool = Field(
        default=False,
        description="Allow plaintext gRPC beyond the loopback address. For networks that encrypt by themselves.",
    )

    grpc_max_message_bytes: int = Field(
        default=4 * 1024 * 1024, ge=1024, description="Largest gRPC message, in and out."
    )
    grpc_max_concurrent_calls: int = Field(
        default=256,
        ge=1,
        description="Calls served at once; more are refused with RESOURCE_EXHAUSTED. Health checks do not count.",
    )
    grpc_keepalive_seconds: float = Field(default=30, gt=0, description="How often an idle connection is probed.")
    grpc_max_connection_age_seconds: float = Field(
        default=300, gt=0, description="Age at which a connection is closed gently, so that clients find new replicas."
    )
    grpc_client_deadline_seconds: float = Field(
        default=10,
        gt=0,
        description="Longest wait for another service's answer; the deadline of the call being served shortens it.",
    )

    topic_partitions: int = Field(
        default=48, ge=1, description="Partitions of topics that this service creates; never grown later."
    )
    topic_replication: int = Field(default=3, ge=1, description="Replicas of topics that this service creates.")
    consumer_attempts: int = Field(
        default=5, ge=1, description="Attempts to handle an event before it becomes a dead letter."
    )
    dead_letter_limit: int = Field(
        default=100,
        ge=1,
        description="Dead letters (those that failed themselves) at which the consumer stops, since the fault is ours.",
    )

    sweep_seconds: float = Field(
        default=1.0, gt=0, description="How often events that a crash left unpublished are looked for."
    )
    timer_seconds: float = Field(default=0.2, gt=0, description="How often timers that are due are looked for.")
    drain_seconds: float = Field(default=20, ge=0, description="Time for work in flight to end after SIGTERM.")

    clock_scale: float = Field(
        default=1.0, gt=0, description="Domain seconds for one real second. Other than 1 needs ENTENTE_CLOCK_ANCHOR."
    )
    clock_anchor: AwareDatetime | None = Field(
        default=None,
        description="Real moment (RFC 3339) at which the scaled time equals the real one; the same for all services.",
    )
    clock_file: Path | None = Field(
        default=None, description="File that holds the domain time (RFC 3339), for tests that move it."
    )

    otlp_endpoint: str = Field(
        default="", description="OTLP/gRPC collector for traces, such as http://localhost:4317. Empty: no export."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe level that is logged."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if bool(self.tls_cert) != bool(self.tls_key):
            problems.append("tls_cert and tls_key belong together")
        if self.tls_ca and not self.tls_cert:
            problems.append("tls_ca needs tls_cert and tls_key: both sides show a certificate")
        if not self.tls_cert and not self.insecure and not is_loopback(self.grpc_bind):
            problems.append(
                f"grpc_bind {self.grpc_bind} can be reached from outside without encryption: "
                "give tls_cert and tls_key, or set insecure=true where the network encrypts"
            )
        if self.clock_scale != 1 and not (self.clock_anchor or self.clock_file):
            problems.append("clock_scale other than 1 needs clock_anchor, else services disagree about the time")
        if self.clock_file and (self.clock_anchor or self.clock_scale != 1):
            problems.append("clock_file stands alone: leave out clock_scale and clock_anchor")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def database_name(self, service: str) -> str:
        """The database of this service."""
        return self.database or f"entente_{service}"

    def summary(self) -> dict[str, str]:
        """What is in effect, without secrets, for the log."""
        return {name: _shown(getattr(self, name)) for name in type(self).model_fields}


T = TypeVar("T", bound=ServiceSettings)


def load(settings_type: type[T]) -> T:
    """Read a service's settings from the environment.

    Raises:
        SettingsError: variables are unknown, missing or wrong; all are named, with the nearest known name.
    """
    known = {name.upper() for name in settings_type.model_fields}
    problems = []
    for given in sorted(name for name in os.environ if name.upper().startswith(PREFIX)):
        name = given.upper().removeprefix(PREFIX)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else "see docs/configuration.md"
            problems.append(f"{given} is unknown; {hint}")
    try:
        settings = settings_type()  # type: ignore[call-arg]  # the environment fills its fields
    except ValidationError as error:
        for detail in error.errors():
            message = "is required" if detail["type"] == "missing" else detail["msg"].removeprefix("Value error, ")
            field = str(detail["loc"][0]) if detail["loc"] else ""
            problems.append(f"{variable(field)}: {message}" if field else message)
        raise SettingsError(_listed(problems)) from None
    if problems:
        raise SettingsError(_listed(problems))
    return settings


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def table(settings_type: type[ServiceSettings], *, without: type[ServiceSettings] | None = None) -> str:
    """The variables as a Markdown table: name, type, default, meaning.

    Args:
        settings_type: whose variables.
        without: leave out the ones that this type has already.
    """
    rows = ["| variable | type | default | meaning |", "|---|---|---|---|"]
    for name, field in settings_type.model_fields.items():
        if without is not None and name in without.model_fields:
            continue
        if not field.description:
            raise ValueError(f"{settings_type.__name__}.{name} has no description")
        meaning = field.description.replace("|", "\\|")
        rows.append(f"| `{variable(name)}` | {_type_name(field.annotation)} | {_default(field)} | {meaning} |")
    return "\n".join(rows) + "\n"


def _listed(problems: list[str]) -> str:
    return "The environment is not right:\n" + "\n".join(f"  - {problem}" for problem in problems)


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else "(empty)"
    if isinstance(value, datetime):
        return value.isoformat()
    text = "" if value is None else str(value)
    return re.sub(r"(?<=://)[^/@\s]+@", "***@", text)


def _type_name(annotation: Any) -> str:
    options = [option for option in get_args(annotation) if option is not type(None)]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{option}`" for option in options)
    if get_origin(annotation) in (list, tuple, set, frozenset):
        return "list, separated by commas"
    if type(None) in get_args(annotation):
        return _type_name(options[0])
    return _TYPE_NAMES.get(annotation, "text")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if field.default_factory is not None:
        return "see right"
    if isinstance(field.default, SecretStr) or field.default is None or field.default == "":
        return ""
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    if isinstance(field.default, (list, tuple, set, frozenset)):
        return f"`{','.join(str(part) for part in field.default)}`"
    return f"`{field.default}`"
