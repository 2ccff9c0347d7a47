"""Keeps the shapes of custom resources that deploy/k8s uses, so that they can be checked without a cluster.

    python -m tools.resource_schemas CRD.yaml...

Reads CustomResourceDefinitions as their projects publish them, and writes names, types and limits of each kind to
tests/deploy/schemas. Descriptions are left out, and an object takes no field that it does not name, which is what a
server's strict validation does.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "tests" / "deploy" / "schemas"
# These only tell people about a field, or are evaluated by the server in a language of its own.
_LEFT_OUT = {"description", "example", "externalDocs", "title", "x-kubernetes-validations", "default"}
_METADATA = {"type": "object"}


def strict(schema: Any) -> Any:
    """A schema of OpenAPI 3 as JSON Schema that refuses unknown fields.

    Args:
        schema: as it stands in the definition of a custom resource.
    """
    if not isinstance(schema, dict):
        return schema
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _LEFT_OUT or key.startswith("x-kubernetes-list"):
            continue
        if key in ("properties", "patternProperties"):
            result[key] = {name: strict(inner) for name, inner in value.items()}
        elif key in ("items", "additionalProperties", "not"):
            result[key] = strict(value)
        elif key in ("anyOf", "oneOf", "allOf"):
            result[key] = [loose(inner) for inner in value]
        else:
            result[key] = value
    open_ended = result.pop("x-kubernetes-preserve-unknown-fields", False)
    if result.pop("x-kubernetes-int-or-string", False):
        result.pop("type", None)
        result.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
    if "properties" in result and "additionalProperties" not in result and not open_ended:
        result["additionalProperties"] = False
    if result.pop("nullable", False) and isinstance(result.get("type"), str):
        result["type"] = [result["type"], "null"]
    return {key: value for key, value in result.items() if not key.startswith("x-kubernetes")}


def loose(schema: Any) -> Any:
    """A branch of anyOf and its like: it constrains what the schema around it describes."""
    if isinstance(schema, dict):
        return {key: value for key, value in schema.items() if key not in _LEFT_OUT}
    return schema


def main(arguments: Sequence[str]) -> int:
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    for name in arguments:
        for definition in yaml.safe_load_all(Path(name).read_text()):
            if not definition or definition.get("kind") != "CustomResourceDefinition":
                continue
            spec = definition["spec"]
            for version in spec["versions"]:
                if not version.get("served"):
                    continue
                schema = strict(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = _METADATA
                schema["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
                schema["required"] = ["apiVersion", "kind", "metadata", *schema.get("required", [])]
                schema["properties"].pop("status", None)
                target = SCHEMAS / f"{spec['group']}_{version['name']}_{spec['names']['kind']}.json"
                target.write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
