"""SQLite columns of text that keep long JSON compressed: a dialect of SQLAlchemy, `sqlite+compact`.

Dagster's events are JSON of one or two kilobytes that differ in a few words. Compressed with a dictionary of these
words they take a sixth. Short texts stay as they are, so that they can be compared and searched in SQL; so does what
was written before, or by Dagster's own dialect.
"""

from __future__ import annotations

import zlib
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import Text

DIALECT = "sqlite+compact"

# Keys, categories and names are shorter, and are what SQL compares.
_SHORTEST = 400
# The first byte of what is compressed. Another dictionary needs another one.
_MARK = b"\x01"
# Never changed: what was compressed with it can be read with nothing else. The commonest words come last.
_DICTIONARY = (
    b'"MarkdownMetadataEntryData", "md_str": "![](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA'
    b'"JsonMetadataEntryData", "data": {"__class__": "TextMetadataEntryData", "text": "'
    b'{"__class__": "TableColumnConstraints", "other": [], "nullable": true, "unique": false}, "description": "'
    b'{"__class__": "TableColumn", "constraints": {"__class__": "TableSchema", "columns": [, "tags": {}, "type": "'
    b'"UrlMetadataEntryData", "url": "", "BoolMetadataEntryData", "value": true}, "PathMetadataEntryData", "path": "'
    b'"event_type_value": "HANDLED_OUTPUT", "LOADED_INPUT", "STEP_INPUT", "RESOURCE_INIT_SUCCESS", "STEP_SUCCESS", '
    b'"STEP_START", "ENGINE_EVENT", "PIPELINE_START", "PIPELINE_SUCCESS", "STEP_FAILURE", "LOGS_CAPTURED", '
    b'{"__class__": "StepSuccessData", "duration_ms": "EngineEventData", "marker_end": null, "marker_start": null, '
    b'"DefaultPartitionsSubset", "subset": {"__set__": ["|20"]}}}, "event_type_value": '
    b'"ASSET_CHECK_EVALUATION_PLANNED",'
    b' "AssetCheckEvaluationPlanned", "AssetMaterializationPlannedData", "partition": "ASSET_MATERIALIZATION_PLANNED", '
    b'{"__class__": "StepMaterializationData", "asset_lineage": [], "materialization": {"__class__": '
    b'"AssetMaterialization", "asset_key": {"__class__": "AssetKey", "path": ["", "raw_images"]}, "metadata_entries": '
    b'[{"__class__": "EventMetadataEntry", "description": null, "entry_data": {"__class__": "IntMetadataEntryData", '
    b'"value": 0}, "label": "dagster/row_count"}, "FloatMetadataEntryData", "value": 0.}, "partition": "", "tags": '
    b'{"dagster/data_version": "", "dagster/code_version": "", "dagster/input_data_version/"}}, '
    b'"ASSET_MATERIALIZATION",'
    b'{"__class__": "StepOutputData", "metadata_entries": [], "step_output_handle": {"__class__": "StepOutputHandle", '
    b'"mapping_key": null, "output_name": "", "step_key": ""}, "type_check_data": {"__class__": "TypeCheckData", '
    b'"description": null, "label": "", "metadata_entries": [], "success": true}, "version": null}, '
    b'"event_type_value": "STEP_OUTPUT", "message": "Yielded output \\"\\" of type \\"Any\\". (Type check passed).", '
    b'"user_message": "Yielded output \\"\\" of type \\"Any\\". (Type check passed)."}'
    b'{"__class__": "EventLogEntry", "dagster_event": {"__class__": "DagsterEvent", "event_specific_data": '
    b'{"__class__": "AssetCheckEvaluation", "asset_key": {"__class__": "AssetKey", "path": ["", ""]}, '
    b'"blocking": true, '
    b'"check_name": "", "description": null, "metadata": {"": {"__class__": "IntMetadataEntryData", "value": 0}}, '
    b'"partition": "|20", "severity": {"__enum__": "AssetCheckSeverity.ERROR"}, "AssetCheckSeverity.WARN", "success": '
    b'true, "target_materialization_data": {"__class__": "AssetCheckEvaluationTargetMaterializationData", '
    b'"run_id": "", '
    b'"storage_id": 0, "timestamp": 17}}, "event_type_value": "ASSET_CHECK_EVALUATION", "logging_tags": {"job_name": '
    b'"_daily", "op_name": "__raw_images__checks", "resource_fn_name": "None", "resource_name": "None", "run_id": "", '
    b'"step_key": "__checks"}, "message": "Asset check \'\' on \'/\' passed.", "pid": 0, "pipeline_name": "_daily", '
    b'"solid_handle": {"__class__": "SolidHandle", "name": "__checks", "parent": null}, "step_handle": {"__class__": '
    b'"StepHandle", "key": "__checks", "solid_handle": {"__class__": "SolidHandle", "name": "__checks", '
    b'"parent": null}}'
    b', "step_key": "__checks", "step_kind_value": "COMPUTE"}, "error_info": null, "level": 10, "message": "", '
    b'"pipeline_name": "_daily", "run_id": "", "step_key": "", "timestamp": 17, "user_message": ""}'
)


def compressed(text: str) -> str | bytes:
    """A text as it is kept: the same, or its compressed form where that is shorter."""
    if len(text) < _SHORTEST:
        return text
    packer = zlib.compressobj(zdict=_DICTIONARY)
    packed = _MARK + packer.compress(text.encode("utf-8", "surrogatepass")) + packer.flush()
    return packed if len(packed) < len(text) else text


def plain(kept: str | bytes) -> str:
    """The text that `compressed` was given.

    Raises:
        ValueError: bytes that it has not made.
    """
    if isinstance(kept, str):
        return kept
    if not kept.startswith(_MARK):
        raise ValueError(f"a text in the run history begins with {kept[:4]!r}, which this version does not know")
    return zlib.decompressobj(zdict=_DICTIONARY).decompress(kept[1:]).decode("utf-8", "surrogatepass")


class CompactText(Text):
    """A column of text whose long values are compressed."""

    def bind_processor(self, dialect: Dialect) -> Any:
        """How a value is written."""
        del dialect

        def write(value: str | None) -> str | bytes | None:
            return None if value is None else compressed(value)

        return write

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """How a value is read."""
        del dialect, coltype

        def read(value: str | bytes | None) -> str | None:
            return None if value is None else plain(value)

        return read


class CompactDialect(SQLiteDialect_pysqlite):
    """SQLite with `CompactText` for every column of text."""

    supports_statement_cache = True
    colspecs = {**SQLiteDialect_pysqlite.colspecs, Text: CompactText}  # noqa: RUF012  # as SQLAlchemy declares it


registry.register(DIALECT.replace("+", "."), __name__, CompactDialect.__name__)
