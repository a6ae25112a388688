"""
The plugins that the embedded stack has.

To add one: write its module in `clew/pipeline/plugins/`, name it here, take cases of the real plugin into
`tests/pipeline/cases/`.
"""

from __future__ import annotations

from typing import Final

from clew.pipeline.plugin import BuiltInput, BuiltOutput, Decode, FilterPlugin, Plugin
from clew.pipeline.plugins.codecs import json as json_codec
from clew.pipeline.plugins.codecs import plain
from clew.pipeline.plugins.filters import date, drop, fingerprint, json, mutate
from clew.pipeline.plugins.inputs import file
from clew.pipeline.plugins.outputs import elasticsearch

INPUTS: Final[dict[str, Plugin[BuiltInput]]] = {plugin.name: plugin for plugin in (file.PLUGIN,)}
CODECS: Final[dict[str, Plugin[Decode]]] = {plugin.name: plugin for plugin in (json_codec.PLUGIN, plain.PLUGIN)}
FILTERS: Final[dict[str, FilterPlugin]] = {
    plugin.name: plugin
    for plugin in (date.PLUGIN, drop.PLUGIN, fingerprint.PLUGIN, json.PLUGIN, mutate.PLUGIN)
}
OUTPUTS: Final[dict[str, Plugin[BuiltOutput]]] = {plugin.name: plugin for plugin in (elasticsearch.PLUGIN,)}
