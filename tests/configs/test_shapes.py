"""What Kibana and Grafana would refuse, or show in a way that nobody meant; neither can be asked here."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest

from tests.configs.files import Files

FILES = Files()

# Kibana 9, `saved_search/server/saved_objects/schema_legacy.ts`, model version 5: the last with one flat shape, which
# every 9.x takes and turns into its own. `attributes` with any other key are refused.
SEARCH_KEYS = {
    "title", "description", "columns", "sort", "grid", "rowHeight", "rowsPerPage", "hideChart", "breakdownField",
    "kibanaSavedObjectMeta", "isTextBasedQuery", "usesAdHocDataView", "timeRestore", "timeRange", "refreshInterval",
    "viewMode", "hideAggregatedPreview", "sampleSize", "headerRowHeight", "visContext", "density",
}  # fmt: skip
SEARCH_VERSION = "10.5.0"

# Kibana 9, `data_views/server/saved_objects`: texts that hold JSON of their own.
VIEW_TEXTS = ("fieldFormatMap", "fieldAttrs", "fields", "runtimeFieldMap", "sourceFilters")


@pytest.mark.parametrize("key", sorted(FILES.kibana()), ids=":".join)
def test_a_saved_object_has_the_shape_that_kibana_imports(key: tuple[str, str]) -> None:
    one = FILES.kibana()[key]
    assert set(one) == {
        "type", "id", "attributes", "references", "managed", "coreMigrationVersion", "typeMigrationVersion",
    }  # fmt: skip
    attributes = one["attributes"]
    if one["type"] == "search":
        assert set(attributes) <= SEARCH_KEYS
        assert one["typeMigrationVersion"] == SEARCH_VERSION
        source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
        assert source["query"]["language"] == "kuery"
        assert source["indexRefName"] in {reference["name"] for reference in one["references"]}
        assert all(order in ("asc", "desc") for _, order in attributes["sort"])
    else:
        assert one["type"] == "index-pattern"
        for name in VIEW_TEXTS:
            json.loads(attributes[name])


def panels() -> list[Any]:
    return [panel for dashboard in FILES.dashboards().values() for panel in dashboard["panels"]]


def test_every_panel_has_a_number_of_its_own() -> None:
    numbers = [panel["id"] for panel in panels()]
    assert len(numbers) == len(set(numbers))


def test_no_panel_lies_on_another_or_beyond_the_edge() -> None:
    def cells(panel: Any) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}

    for panel in panels():
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
    for one, other in combinations(panels(), 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])


def test_no_target_of_a_panel_hides_another() -> None:
    for panel in panels():
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references)), panel["title"]


def test_every_password_of_a_data_source_comes_from_the_environment() -> None:
    for uid, source in FILES.datasources().items():
        for name, value in source.get("secureJsonData", {}).items():
            assert value.startswith("$"), (uid, name)
