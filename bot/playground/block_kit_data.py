"""Blocks that show data: table, data_table and data_visualization (charts).

Sources: https://docs.slack.dev/reference/block-kit/blocks/table-block and its neighbours
data-table-block and data-visualization-block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.playground.block_kit_parts import BLOCK_ID
from bot.playground.block_kit_rich_text import RICH_TEXT
from bot.playground.block_kit_shapes import (
    Findings,
    array,
    boolean,
    by_type,
    integer,
    nullable,
    number,
    one_of,
    record,
    string,
    typed,
)

TABLE_CHARACTERS = 10_000

_RAW_TEXT = typed("raw_text", {"text": string()})
_RAW_NUMBER = typed("raw_number", {"value": number(), "text": string()})
_TABLE_CELL = by_type({"raw_text": _RAW_TEXT, "rich_text": RICH_TEXT})
_DATA_CELL = by_type({"raw_text": _RAW_TEXT, "raw_number": _RAW_NUMBER, "rich_text": RICH_TEXT})
_COLUMN = record({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})


def texts_in(value: object) -> Iterator[str]:
    """Every string under a key ``text``, at any depth: what Slack counts of a payload."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "text" and isinstance(member, str):
                yield member
            else:
                yield from texts_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts_in(member)


def _not_too_long(table: Mapping[str, object], pointer: str, findings: Findings) -> None:
    if sum(map(len, texts_in(table["rows"]))) > TABLE_CHARACTERS:
        findings.add(f"must be less than {TABLE_CHARACTERS + 1} characters", f"{pointer}/rows")


def _rows_even(table: Mapping[str, object], pointer: str, findings: Findings) -> None:
    rows = table["rows"]
    if not isinstance(rows, list):
        return
    for index, row in enumerate(rows):
        if len(row) != len(rows[0]):
            findings.add("all rows must have the same number of cells", f"{pointer}/rows/{index}")
    for index, cell in enumerate(rows[0]):
        if cell["type"] == "rich_text":
            findings.add("unsupported type: rich_text", f"{pointer}/rows/0/{index}/type")


TABLE = typed(
    "table",
    {"rows": array(array(_TABLE_CELL, most=20), most=100)},
    # null leaves a column as it is.
    {"block_id": BLOCK_ID, "column_settings": array(nullable(_COLUMN), most=20)},
    _not_too_long,
)

DATA_TABLE = typed(
    "data_table",
    {"rows": array(array(_DATA_CELL, most=20), fewest=2, most=101), "caption": string()},
    {
        "block_id": BLOCK_ID,
        "page_size": integer(1, 100),
        "row_header_column_index": integer(0, 19),
    },
    _not_too_long,
    _rows_even,
)

_CHART_LABEL = string(longest=20)
_POINT = record({"label": _CHART_LABEL, "value": number()})
_SERIES = array(record({"name": _CHART_LABEL, "data": array(_POINT, most=20)}), most=6)
_AXES = record(
    {"categories": array(_CHART_LABEL, most=20)},
    {"x_label": string(longest=50), "y_label": string(longest=50)},
)


def _series_fit(chart: Mapping[str, object], pointer: str, findings: Findings) -> None:
    """Names of series are unique, and each has a value for every category."""
    axes, all_series = chart["axis_config"], chart["series"]
    if not isinstance(axes, dict) or not isinstance(all_series, list):
        return
    categories = sorted(axes["categories"])
    names: set[str] = set()
    for index, series in enumerate(all_series):
        place = f"{pointer}/series/{index}"
        if series["name"] in names:
            findings.add(f"series `{series['name']}` already exists", f"{place}/name")
        names.add(series["name"])
        if sorted(point["label"] for point in series["data"]) != categories:
            findings.add("labels must match the categories", f"{place}/data")


CHART = typed(
    "data_visualization",
    {
        "title": string(longest=50),
        "chart": by_type(
            {
                "pie": typed(
                    "pie",
                    {
                        "segments": array(
                            record({"label": _CHART_LABEL, "value": number(positive=True)}), most=6
                        )
                    },
                ),
                **{
                    kind: typed(kind, {"series": _SERIES, "axis_config": _AXES}, {}, _series_fit)
                    for kind in ("line", "bar", "area")
                },
            }
        ),
    },
    {"block_id": BLOCK_ID},
)
