"""JSON schemas of manifests, indexes and configs, after the OCI image specification and Docker's distribution one.

Unknown fields are allowed everywhere, as both specifications demand.
"""

from __future__ import annotations

from ocikit.image.errors import ManifestError
from ocikit.image.manifest import mediatypes as mt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DIGEST = {"type": "string", "pattern": "^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$"}
_TYPE = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"}
_SIZE = {"type": "integer", "minimum": 0}
_TEXTS = {"type": ["array", "null"], "items": {"type": "string"}}
_TEXT_MAP = {"type": ["object", "null"], "additionalProperties": {"type": "string"}}
_TIME = {
    "type": ["string", "null"],
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:]{8}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
}
_PLATFORM = {
    "type": "object",
    "required": ["architecture", "os"],
    "properties": {
        "architecture": {"type": "string"},
        "os": {"type": "string"},
        "os.version": {"type": "string"},
        "os.features": _TEXTS,
        "variant": {"type": "string"},
    },
}
_DESCRIPTOR = {
    "type": "object",
    "required": ["mediaType", "digest", "size"],
    "properties": {
        "mediaType": _TYPE,
        "digest": _DIGEST,
        "size": _SIZE,
        "urls": _TEXTS,
        "annotations": _TEXT_MAP,
        "data": {"type": "string"},
        "artifactType": {"type": "string"},
        "platform": _PLATFORM,
    },
}
_LISTED = {**_DESCRIPTOR, "required": ["mediaType", "digest", "size", "platform"]}

OCI_MANIFEST = {
    "type": "object",
    "required": ["schemaVersion", "config", "layers"],
    "properties": {
        "schemaVersion": {"const": 2},
        "mediaType": {"const": mt.OCI_MANIFEST},
        "artifactType": _TYPE,
        "config": _DESCRIPTOR,
        "layers": {"type": "array", "items": _DESCRIPTOR},
        "subject": _DESCRIPTOR,
        "annotations": _TEXT_MAP,
    },
}
OCI_INDEX = {
    "type": "object",
    "required": ["schemaVersion", "manifests"],
    "properties": {
        "schemaVersion": {"const": 2},
        "mediaType": {"const": mt.OCI_INDEX},
        "artifactType": _TYPE,
        "manifests": {"type": "array", "items": _DESCRIPTOR},
        "subject": _DESCRIPTOR,
        "annotations": _TEXT_MAP,
    },
}
SCHEMA2 = {
    "type": "object",
    "required": ["schemaVersion", "mediaType", "config", "layers"],
    "properties": {
        "schemaVersion": {"const": 2},
        "mediaType": {"const": mt.V2S2},
        "config": _DESCRIPTOR,
        "layers": {"type": "array", "items": _DESCRIPTOR},
    },
}
DOCKER_LIST = {
    "type": "object",
    "required": ["schemaVersion", "mediaType", "manifests"],
    "properties": {
        "schemaVersion": {"const": 2},
        "mediaType": {"const": mt.DOCKER_LIST},
        "manifests": {"type": "array", "items": _LISTED},
    },
}
SCHEMA1 = {
    "type": "object",
    "required": ["schemaVersion", "name", "tag", "fsLayers", "history"],
    "properties": {
        "schemaVersion": {"const": 1},
        "fsLayers": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["blobSum"], "properties": {"blobSum": _DIGEST}},
        },
        "history": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["v1Compatibility"],
                "properties": {"v1Compatibility": {"type": "string"}},
            },
        },
    },
}
CONFIG = {
    "type": "object",
    "required": ["architecture", "os", "rootfs"],
    "properties": {
        "created": _TIME,
        "author": {"type": ["string", "null"]},
        "architecture": {"type": "string"},
        "os": {"type": "string"},
        "variant": {"type": "string"},
        "os.version": {"type": "string"},
        "os.features": _TEXTS,
        "config": {
            "type": ["object", "null"],
            "properties": {
                "User": {"type": "string"},
                "ExposedPorts": {
                    "type": ["object", "null"],
                    "propertyNames": {"pattern": "^[0-9]+(-[0-9]+)?(/(tcp|udp|sctp))?$"},
                },
                "Env": {"type": ["array", "null"], "items": {"type": "string", "pattern": "^[^=]+=?"}},
                "Entrypoint": _TEXTS,
                "Cmd": _TEXTS,
                "Volumes": {"type": ["object", "null"]},
                "WorkingDir": {"type": "string"},
                "Labels": _TEXT_MAP,
                "StopSignal": {"type": "string"},
            },
        },
        "rootfs": {
            "type": "object",
            "required": ["type", "diff_ids"],
            "properties": {"type": {"const": "layers"}, "diff_ids": {"type": "array", "items": _DIGEST}},
        },
        "history": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "properties": {
                    "created": _TIME,
                    "created_by": {"type": "string"},
                    "author": {"type": "string"},
                    "comment": {"type": "string"},
                    "empty_layer": {"type": "boolean"},
                },
            },
        },
    },
}
BY_TYPE: dict[str, dict[str, Any]] = {
    mt.OCI_MANIFEST: OCI_MANIFEST,
    mt.OCI_INDEX: OCI_INDEX,
    mt.V2S2: SCHEMA2,
    mt.DOCKER_LIST: DOCKER_LIST,
    mt.V2S1: SCHEMA1,
    mt.V2S1_SIGNED: SCHEMA1,
    mt.OCI_CONFIG: CONFIG,
    mt.V2S2_CONFIG: CONFIG,
}


def problems(raw: bytes, media_type: str) -> list[str]:
    """Every fault of a document against the schema of its type, as sentences that name the field; [] if there is none."""
    import jsonschema

    from ocikit.image.manifest.gojson import parse_object

    schema = BY_TYPE.get(media_type)
    if schema is None:
        return [f'no schema is known for "{media_type}"']
    doc = parse_object(raw, media_type)
    checker = jsonschema.Draft202012Validator(schema)
    found = sorted(checker.iter_errors(doc), key=lambda error: [str(part) for part in error.absolute_path])
    return [f"{_path(error.absolute_path)}: {error.message}" for error in found]


def _path(parts: Any) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the document"


def check(raw: bytes, media_type: str, what: str) -> None:
    """Raises :class:`ManifestError` that names the first failing field, and says how many more there are."""
    found = problems(raw, media_type)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise ManifestError(f"{what} is not valid: {found[0]}{more}")
