"""
The filter `fingerprint` (logstash-filter-fingerprint 3.4, as of Logstash 9.2): a hash of fields.

Hashes and lists enter the hash as Ruby 3.1 inspects them. (3.5, with Logstash 9.5, writes them with bars between; that
only concerns fields which are hashes or lists.)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import unicodedata
from collections.abc import Callable, Iterable

from clew.pipeline import ruby
from clew.pipeline.event import Event
from clew.pipeline.fields import EventError, reference
from clew.pipeline.options import Option, OptionError, Options
from clew.pipeline.plugin import Filter, FilterPlugin, Tools
from clew.pipeline.plugins.common import ecs_mode
from clew.pipeline.plugins.filters import murmur3

_DIGESTS = {"SHA1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512", "MD5": "md5"}
_METHODS = (*_DIGESTS, "MURMUR3", "MURMUR3_128", "IPV4_NETWORK", "UUID", "PUNCTUATION")
_MURMUR3_128_SEED = 2

Hash = Callable[[object], object]


def _build(options: Options, tools: Tools, matched: Callable[[Event], None]) -> Filter:
    method = options.text("method")
    target = reference(options.text("target") or ("[event][hash]" if ecs_mode(options, tools.ecs) else "fingerprint"))
    sources = [(name, reference(name)) for name in options.texts("source")]
    everything = options.flag("concatenate_all_fields")
    concatenated = options.flag("concatenate_sources") or everything
    hashed = _hash_of(options, method)

    def apply(event: Event) -> None:
        if method == "UUID":
            event.set(target, tools.new_id())
        elif method == "PUNCTUATION":
            for _, field in sorted(sources, key=lambda source: source[0]):
                if event.includes(field):
                    event.set(target, _punctuation(event.value(field)))
        elif concatenated:
            named = event.data.items() if everything else ((name, event.value(field)) for name, field in sources)
            event.set(target, hashed(_concatenation(named)))
        else:
            for _, field in sources:
                if event.includes(field):
                    value = event.value(field)
                    event.set(target, [hashed(item) for item in value] if isinstance(value, list) else hashed(value))
        matched(event)

    return apply


def _concatenation(named: Iterable[tuple[str, object]]) -> str:
    """Names and values in the order of the names."""
    in_order = sorted(named, key=lambda pair: pair[0])
    return "".join(f"|{name}|{ruby.text_of(_sorted(value))}" for name, value in in_order) + "|"


def _hash_of(options: Options, method: str) -> Hash:
    key = options.text("key").encode("utf-8") if "key" in options.given() else None
    encoded = options.flag("base64encode")
    if method in _DIGESTS:
        return _digest(_DIGESTS[method], key, encoded=encoded)
    if method == "MURMUR3":
        return lambda value: murmur3.hash32(_murmur_bytes(value, small=False))
    if method == "MURMUR3_128":
        return lambda value: _murmur3_128(value, encoded=encoded)
    if method == "IPV4_NETWORK":
        if key is None:
            raise OptionError("method", "IPV4_NETWORK needs the option 'key': the length of the subnet prefix")
        prefix = ruby.to_i(key.decode("utf-8"))
        return lambda value: _network(value, prefix)
    return lambda value: value


def _digest(name: str, key: bytes | None, *, encoded: bool) -> Hash:
    def digest(value: object) -> str:
        data = ruby.text_of(_sorted(value)).encode("utf-8", "surrogatepass")
        raw = hashlib.new(name, data).digest() if key is None else hmac.digest(key, data, name)
        return base64.b64encode(raw).decode("ascii") if encoded else raw.hex()

    return digest


def _sorted(value: object) -> object:
    """Hashes by key, at every depth."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _murmur_bytes(value: object, *, small: bool) -> bytes:
    """Integers are hashed as eight bytes, or as four if they fit and *small*; all else as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        fits = small and -(2**31) <= value < 2**31
        return (value & (0xFFFFFFFF if fits else 0xFFFFFFFFFFFFFFFF)).to_bytes(4 if fits else 8, "little")
    return ruby.text_of(_sorted(value)).encode("utf-8", "surrogatepass")


def _murmur3_128(value: object, *, encoded: bool) -> str:
    raw = murmur3.hash128(_murmur_bytes(value, small=True), _MURMUR3_128_SEED)
    return base64.b64encode(raw).decode("ascii") if encoded else raw.hex()


def _network(value: object, prefix: int) -> str:
    """:raises EventError: no address, or no such prefix; the real engine stops there."""
    try:
        if not isinstance(value, str):
            raise ValueError(f"{value} is not a text")
        return str(ipaddress.ip_network(f"{value}/{prefix}", strict=False).network_address)
    except ValueError as wrong:
        raise EventError(str(wrong)) from wrong


def _punctuation(value: object) -> str:
    """:raises EventError: it is not a string; the real engine stops there."""
    if not isinstance(value, str):
        raise EventError(f"{ruby.inspect(value)} is not a string")
    return "".join(char for char in value if unicodedata.category(char)[0] in "PS")


PLUGIN = FilterPlugin(
    "fingerprint",
    (
        Option("source", "list", ["message"]),
        Option("target", "field", ""),
        Option("key", "password"),
        Option("base64encode", "boolean", False),
        Option("method", default="SHA1", choices=_METHODS),
        Option("concatenate_sources", "boolean", False),
        Option("concatenate_all_fields", "boolean", False),
    ),
    _build,
)
