"""Generates libs/contracts from proto/: `make proto`.

Everything comes from the virtual environment and nothing from the network: the compiler is grpcio-tools', the stubs are
mypy-protobuf's, `google/api` and `google/rpc` are googleapis-common-protos', and `buf/validate/validate.proto` is read
as a descriptor out of the protovalidate wheel, so that no copy of it lives in this repository.

A file that does not compile is named, with what the compiler said, and the others are generated all the same.

    python -m tools.generate_protos                  # writes what changed
    python -m tools.generate_protos --check          # writes nothing; fails when something would change
    python -m tools.generate_protos --image FILE     # writes the buf image of proto/ (for buf lint and buf breaking)
    python -m tools.generate_protos --baseline       # writes it to proto/baseline.binpb, without comments
"""

import argparse
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from google.protobuf import descriptor_pb2

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
BASELINE = PROTO / "baseline.binpb"
CONTRACTS = ROOT / "libs" / "contracts"
VALIDATE = "buf/validate/validate.proto"
GENERATED_PACKAGES = ("entente", "buf")
GENERATED_SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")
# Marks a file of a buf image as an import, which is neither linted nor compared:
# field 8042 (buf's extension of FileDescriptorProto) holding {field 1 (is_import): true}.
BUF_IS_IMPORT = b"\xd2\xf6\x03\x02\x08\x01"


class CompileError(Exception):
    """The compiler refused; the text is what it said."""


def proto_files() -> list[str]:
    """Every .proto of this repository, relative to proto/, in a stable order."""
    return sorted(path.relative_to(PROTO).as_posix() for path in PROTO.rglob("*.proto"))


def write_validate_descriptor(target: Path) -> None:
    """Writes the descriptor of buf/validate/validate.proto that the protovalidate wheel carries."""
    from protovalidate._gen.buf.validate import validate_pb

    file = descriptor_pb2.FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary())
    files = descriptor_pb2.FileDescriptorSet(file=[file])
    target.write_bytes(files.SerializeToString(deterministic=True))


def protoc(validate: Path, files: Sequence[str], *options: str) -> None:
    """Runs the compiler on these files, or raises CompileError with its words."""
    scripts = sysconfig.get_path("scripts")
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"--descriptor_set_in={validate}",
        f"--proto_path={PROTO}",
        f"--proto_path={resources.files('grpc_tools').joinpath('_proto')}",
        f"--proto_path={Path(sysconfig.get_path('purelib'))}",  # google/api and google/rpc
        f"--plugin=protoc-gen-mypy={scripts}/protoc-gen-mypy",
        f"--plugin=protoc-gen-mypy_grpc={scripts}/protoc-gen-mypy_grpc",
        *options,
        *files,
    ]
    done = subprocess.run(command, cwd=PROTO, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompileError((done.stderr or done.stdout).strip())


def compile_all(validate: Path, scratch: Path) -> tuple[descriptor_pb2.FileDescriptorSet, list[str]]:
    """Compiles every file to one descriptor set with its imports; returns it and the complaints about the others."""
    target = scratch / "all.binpb"
    options = ("--include_imports", "--include_source_info", f"--descriptor_set_out={target}")
    files = proto_files()
    complaints: list[str] = []
    try:
        protoc(validate, files, *options)
    except CompileError as together:
        sound: list[str] = []
        for file in files:
            try:
                protoc(validate, [file], f"--descriptor_set_out={scratch / 'one.binpb'}")
                sound.append(file)
            except CompileError as error:
                complaints.append(f"{file}:\n{error}")
        if not complaints or not sound:  # each one compiles alone, or none does
            raise together from None
        protoc(validate, sound, *options)
    return descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes()), complaints


def own_files(files: descriptor_pb2.FileDescriptorSet) -> list[descriptor_pb2.FileDescriptorProto]:
    """Those that are this repository's, without what they import."""
    mine = set(proto_files())
    return [file for file in files.file if file.name in mine]


def generate(validate: Path, files: descriptor_pb2.FileDescriptorSet, target: Path) -> None:
    """Generates messages, stubs and their types into an empty folder."""
    own = own_files(files)
    protoc(
        validate,
        [*(file.name for file in own), VALIDATE],
        f"--python_out={target}",
        f"--mypy_out=quiet:{target}",
    )
    served = [file.name for file in own if file.service]
    if served:
        protoc(
            validate,
            served,
            f"--grpc_python_out={target}",
            f"--mypy_grpc_out=quiet,only_async:{target}",
        )
    for package in sorted({path.parent for path in target.rglob("*.py")}):
        for folder in (package, *package.parents):
            if folder == target:
                break
            (folder / "__init__.py").touch()
    for name in GENERATED_PACKAGES:
        if (target / name).is_dir():
            (target / name / "py.typed").touch()


def generated(folder: Path) -> dict[str, bytes]:
    """What a folder holds of the generated packages, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for name in GENERATED_PACKAGES
        for path in sorted((folder / name).rglob("*"))
        if path.is_file() and (path.suffix in {".py", ".pyi"} or path.name == "py.typed")
    }


def differences(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """Paths that are new, gone or otherwise than before."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def write(changed: Iterable[str], after: dict[str, bytes]) -> None:
    """Brings libs/contracts to the generated state; untouched files keep their time stamps."""
    for path in changed:
        target = CONTRACTS / path
        if path in after:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(after[path])
        else:
            target.unlink()


def write_image(files: descriptor_pb2.FileDescriptorSet, target: Path, *, comments: bool = True) -> None:
    """Writes a buf image: a descriptor set in which what is only imported says so."""
    mine = {file.name for file in own_files(files)}
    image = descriptor_pb2.FileDescriptorSet()
    for file in files.file:
        if not comments:
            file.ClearField("source_code_info")
        content = file.SerializeToString(deterministic=True)
        image.file.add().MergeFromString(content if file.name in mine else content + BUF_IS_IMPORT)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(image.SerializeToString(deterministic=True))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Generates libs/contracts from proto/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something would change")
    parser.add_argument("--image", type=Path, help="write the buf image of proto/ here, and generate nothing")
    parser.add_argument("--baseline", action="store_true", help="write the image that later protos are compared with")
    chosen = parser.parse_args(arguments)

    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        validate = scratch / "validate.binpb"
        write_validate_descriptor(validate)
        try:
            files, complaints = compile_all(validate, scratch)
        except CompileError as error:
            print(error, file=sys.stderr)
            return 1
        for complaint in complaints:
            print(f"not compiled: {complaint}", file=sys.stderr)
        if complaints and (chosen.image or chosen.baseline):
            return 1
        if chosen.baseline:
            write_image(files, BASELINE, comments=False)
            return 0
        if chosen.image:
            write_image(files, chosen.image)
            return 0

        target = scratch / "out"
        target.mkdir()
        generate(validate, files, target)
        before, after = generated(CONTRACTS), generated(target)
    if complaints:  # what could not be compiled keeps its last good code
        after = before | after
    changed = differences(before, after)
    if chosen.check:
        for path in changed:
            print(f"libs/contracts/{path} is not what proto/ says: run `make proto`", file=sys.stderr)
        return 1 if changed or complaints else 0
    write(changed, after)
    print(f"{len(after)} generated files, {len(changed)} changed")
    return 1 if complaints else 0


if __name__ == "__main__":
    raise SystemExit(main())
