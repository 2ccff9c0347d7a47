"""The contracts as files: they stay compatible, they are documented, and the documents say what the services do."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

from tools import asyncapi, generate_protos
from tools.generate_protos import (
    BASELINE,
    BUF_IS_IMPORT,
    ROOT,
    compile_all,
    own_files,
    proto_files,
    write_validate_descriptor,
)
from tools.levels import buf

# Methods that change nothing, and the operator's, which are harmless to repeat.
QUESTIONS = ("Plan", "Export", "Preview", "Get", "Score", "Explain", "Query", "Report", "Replay", "Discard", "Stream")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    scratch = tmp_path_factory.mktemp("protos")
    write_validate_descriptor(scratch / "validate.binpb")
    files, complaints = compile_all(scratch / "validate.binpb", scratch)
    assert not complaints
    return files


@pytest.fixture(scope="module")
def baseline() -> FileDescriptorSet:
    return FileDescriptorSet.FromString(BASELINE.read_bytes())


def compare(now: FileDescriptorSet, folder: Path) -> subprocess.CompletedProcess[str]:
    image = folder / "image.binpb"
    image.write_bytes(now.SerializeToString())
    command = buf("breaking", image, "--against", BASELINE)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def event_file(files: FileDescriptorSet, service: str) -> FileDescriptorProto:
    return next(file for file in files.file if file.name == f"entente/{service}/v1/events.proto")


def test_what_reads_the_landed_protos_can_read_todays(baseline: FileDescriptorSet, tmp_path: Path) -> None:
    done = compare(baseline, tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert {file.name for file in own_files(baseline)} == set(proto_files())


def test_a_field_that_is_taken_away_breaks_the_check(baseline: FileDescriptorSet, tmp_path: Path) -> None:
    changed = FileDescriptorSet.FromString(baseline.SerializeToString())
    del event_file(changed, "campaign").message_type[0].field[0]
    done = compare(changed, tmp_path)
    assert done.returncode != 0
    assert "was deleted" in done.stdout


def test_a_field_that_changes_its_type_breaks_the_check(baseline: FileDescriptorSet, tmp_path: Path) -> None:
    changed = FileDescriptorSet.FromString(baseline.SerializeToString())
    field = event_file(changed, "review").message_type[-1].field[-1]
    field.type, field.type_name = field.TYPE_DOUBLE, ""
    assert compare(changed, tmp_path).returncode != 0


def test_a_field_that_is_added_keeps_the_check(baseline: FileDescriptorSet, tmp_path: Path) -> None:
    changed = FileDescriptorSet.FromString(baseline.SerializeToString())
    message = event_file(changed, "campaign").message_type[0]
    message.field.add(name="something_new", json_name="somethingNew", number=1000, label=1, type=9)
    assert compare(changed, tmp_path).returncode == 0


def test_what_is_only_imported_is_marked_so_in_the_baseline(baseline: FileDescriptorSet) -> None:
    imported = [file for file in baseline.file if not file.name.startswith("entente/")]
    assert imported
    assert all(file.SerializeToString().endswith(BUF_IS_IMPORT) for file in imported)


Place = tuple[int, ...]


def named(file: FileDescriptorProto) -> Iterator[tuple[Place, str]]:
    """The path and the name of everything that has a name in a proto."""
    for index, message in enumerate(file.message_type):
        yield from named_in(message, (4, index), message.name)
    for index, enum in enumerate(file.enum_type):
        yield (5, index), enum.name
        yield from (((5, index, 2, place), value.name) for place, value in enumerate(enum.value))
    for index, service in enumerate(file.service):
        yield (6, index), service.name
        yield from (((6, index, 2, place), method.name) for place, method in enumerate(service.method))


def named_in(message: DescriptorProto, path: Place, name: str) -> Iterator[tuple[Place, str]]:
    yield path, name
    yield from (((*path, 2, place), f"{name}.{field.name}") for place, field in enumerate(message.field))
    for index, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from named_in(nested, (*path, 3, index), f"{name}.{nested.name}")


def undocumented(file: FileDescriptorProto) -> list[str]:
    commented = {tuple(location.path) for location in file.source_code_info.location if location.leading_comments}
    return [name for path, name in named(file) if path not in commented]


def test_everything_in_the_protos_is_documented(compiled: FileDescriptorSet) -> None:
    missing = [f"{file.name}: {name}" for file in own_files(compiled) for name in undocumented(file)]
    assert missing == []


def test_a_proto_that_does_not_compile_is_named_and_the_others_are_generated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(generate_protos.PROTO, tmp_path / "proto")
    broken = tmp_path / "proto" / "entente" / "analytics" / "v1" / "events.proto"
    broken.write_text(broken.read_text() + "message Half {")
    monkeypatch.setattr(generate_protos, "PROTO", tmp_path / "proto")
    write_validate_descriptor(tmp_path / "validate.binpb")
    files, complaints = compile_all(tmp_path / "validate.binpb", tmp_path)
    assert [complaint.partition(":")[0] for complaint in complaints] == ["entente/analytics/v1/events.proto"]
    assert {file.name for file in own_files(files)} == set(proto_files()) - {"entente/analytics/v1/events.proto"}


def needed_fields(method: MethodDescriptorProto) -> set[str]:
    if method.name.startswith(("List", "Search")):
        return {"page_size", "page_token"}
    if method.name.startswith(QUESTIONS) or method.client_streaming or method.server_streaming:
        return set()
    return {"request_id"}


def test_every_mutation_can_be_repeated_and_every_list_is_paged(compiled: FileDescriptorSet) -> None:
    missing = []
    for file in own_files(compiled):
        fields = {f".{file.package}.{m.name}": {field.name for field in m.field} for m in file.message_type}
        for service in file.service:
            for method in service.method:
                missing += [(method.name, name) for name in needed_fields(method) - fields[method.input_type]]
    assert missing == []


def test_the_asyncapi_document_is_what_the_services_and_their_protos_say() -> None:
    assert asyncapi.TARGET.read_text() == asyncapi.render(), "run `make asyncapi`"


async def test_every_event_that_a_service_handles_is_published_to_a_topic_that_it_reads() -> None:
    events, _ = asyncapi.events_and_parts()
    topics = {event.full_name: event.topic for event in events}
    for service, (consumed, handled) in (await asyncapi.received()).items():
        assert handled <= topics.keys(), service
        assert {topics[name] for name in handled} == consumed, service
