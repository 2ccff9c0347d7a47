"""An error says what is wrong and what to do; never a stack trace."""

import grpc
import grpc.aio
import pytest

from entente_chassis.refusal import Invalid, NotFound, Violation
from entente_chassis.rpc.errors import DETAILS_KEY, to_status
from entente_cli import errors
from entente_cli.errors import CommandError, describe


def rpc_error(code: grpc.StatusCode, details: str, *, trailing: bytes | None = None) -> grpc.aio.AioRpcError:
    metadata = grpc.aio.Metadata(*([(DETAILS_KEY, trailing)] if trailing else []))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details)


def test_every_field_at_fault_is_named() -> None:
    refusal = Invalid(
        "CAMPAIGN_NOT_READY",
        "The campaign cannot be published yet.",
        violations=[Violation("objective", "say what is measured"), Violation("budget", "say what it may cost")],
    )
    status = to_status(refusal).SerializeToString()
    told = describe(rpc_error(grpc.StatusCode.INVALID_ARGUMENT, refusal.message, trailing=status))
    assert told["reason"] == "CAMPAIGN_NOT_READY"
    assert [field["field"] for field in told["fields"]] == ["objective", "budget"]


def test_a_service_that_is_away_leads_to_the_command_that_starts_it() -> None:
    told = describe(rpc_error(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses"))
    assert "does not answer" in told["message"]
    assert "entente up" in told["remedy"]


def test_a_refusal_of_the_domain_is_told_in_its_own_words() -> None:
    refusal = NotFound("CAMPAIGN_NOT_FOUND", "There is no campaign campaigns/x.")
    told = describe(
        rpc_error(grpc.StatusCode.NOT_FOUND, refusal.message, trailing=to_status(refusal).SerializeToString())
    )
    assert told["message"] == "There is no campaign campaigns/x."
    assert "remedy" not in told


def test_an_error_is_json_on_stderr_where_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    errors.report(CommandError("There is no file x.csv."), as_json=True)
    streams = capsys.readouterr()
    assert streams.out == ""
    assert '"message": "There is no file x.csv."' in streams.err
