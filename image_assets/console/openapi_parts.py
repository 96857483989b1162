"""What an OpenAPI document is put together of: schemas in few words."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
MAYBE: Schema = {"type": ["string", "null"]}
BOOLEAN: Schema = {"type": "boolean"}


def object_of(described: str, **properties: Schema) -> Schema:
    """An object that has just these properties, and maybe more."""
    return {"type": "object", "description": described, "properties": properties, "required": list(properties)}


def ref(name: str) -> Schema:
    """A schema of the document by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def in_json(schema: Schema) -> Schema:
    """A body in JSON."""
    return {"application/json": {"schema": schema}}


def list_of(schema: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": schema}


def or_null(schema: Schema) -> Schema:
    """A schema, or nothing."""
    return {"anyOf": [schema, {"type": "null"}]}


def parameter(name: str, where: str, described: str, schema: Schema) -> Schema:
    """A parameter of an address: in its path or in its query."""
    told = {"name": name, "in": where, "description": described, "schema": schema}
    return {**told, "required": True} if where == "path" else told
