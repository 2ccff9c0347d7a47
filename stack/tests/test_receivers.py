"""The mail server and the trace receiver keep what they were given."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from entente_stack import otlp, smtp
from entente_stack.paths import Paths
from entente_stack.stack import KAFKA_VARIABLE, MONGO_VARIABLE, Addresses, Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, stack_addresses: Addresses) -> Iterator[Stack]:
    """A stack whose Kafka and MongoDB are those of the session, with receivers of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KAFKA_VARIABLE, stack_addresses.kafka)
        patch.setenv(MONGO_VARIABLE, stack_addresses.mongo)
        stack = Stack(Paths(tmp_path_factory.mktemp("receivers")))
        stack.up()
        yield stack
        stack.down()


def test_servers_that_the_environment_names_are_used_instead_of_own_ones(
    stack: Stack, stack_addresses: Addresses
) -> None:
    assert {process.name for process in stack.processes()} == {"smtp", "otlp"}
    assert stack.addresses().kafka == stack_addresses.kafka


def test_starting_twice_changes_nothing(stack: Stack) -> None:
    before = stack.processes()
    stack.up()
    assert stack.processes() == before


def test_a_mail_is_kept_with_its_recipients(stack: Stack) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Votre colis est en route", "a@example.org", "b@example.org"
    mail.set_content("Bonjour, votre colis a été expédié.")
    host, _, port = stack.addresses().smtp.rpartition(":")
    with smtplib.SMTP(host, int(port)) as client:
        client.send_message(mail)
    (kept,) = smtp.read(stack.paths.mail)
    assert kept["subject"] == "Votre colis est en route"
    assert kept["to"] == ["b@example.org"]
    assert "colis" in (stack.paths.mail / kept["file"]).read_text()


def test_a_span_is_kept_with_its_service_and_parent(stack: Stack) -> None:
    span = Span(
        trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"p" * 8, name="handle", kind=Span.SPAN_KIND_CONSUMER
    )
    resource = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value="review"))])
    request = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=[span])])]
    )
    with grpc.insecure_channel(stack.addresses().otlp.removeprefix("http://")) as channel:
        TraceServiceStub(channel).Export(request, timeout=10)  # type: ignore[no-untyped-call]
    (kept,) = otlp.read(stack.paths.spans)
    assert (kept["service"], kept["name"], kept["kind"]) == ("review", "handle", "CONSUMER")
    assert kept["parent_span_id"] == (b"p" * 8).hex()
