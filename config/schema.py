"""JSON Schema of the configuration file, so that editors complete and check it."""

from __future__ import annotations

from typing import Any

from config.models import File


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the file.

    It says what may be written, short forms included; whether the parts fit together only `load` can tell.
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **File.model_json_schema(by_alias=True)}
