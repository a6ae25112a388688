"""`fingerprint` beyond the recorded cases."""

from __future__ import annotations

import hashlib

import pytest

from clew.pipeline.plugins.filters.murmur3 import hash32, hash128
from tests.pipeline.runner import compiled


def fingerprint(options: str, *, ecs: str = "v8", **fields: object) -> object:
    pipeline = compiled(f"filter {{ fingerprint {{ target => 'f' {options} }} }}", ecs=ecs)
    return pipeline.process([pipeline.new_event(dict(fields))])[0].data.get("f")


def test_sources_are_hashed_in_the_order_of_their_names_with_bars_between() -> None:
    wanted = hashlib.sha256(b"|[c][d]|x|a|1.0e+20|b||").hexdigest()
    options = 'method => "SHA256" source => ["b", "a", "[c][d]"] concatenate_sources => true'
    assert fingerprint(options, a=1e20, c={"d": "x"}) == wanted


def test_hashes_enter_sorted_as_ruby_inspects_them() -> None:
    wanted = hashlib.sha1(b'{"a"=>[nil, "x\\"", true], "b"=>1}').hexdigest()
    assert fingerprint('source => "m"', m={"b": 1, "a": [None, 'x"', True]}) == wanted


def test_all_fields_means_all_but_metadata() -> None:
    reserved = {"@timestamp": "2025-01-01T00:00:00Z", "@metadata": {"x": 1}}
    wanted = hashlib.sha1(b"|@timestamp|2025-01-01T00:00:00.000Z|@version|1|a|1|").hexdigest()
    assert fingerprint("concatenate_all_fields => true", a=1, **reserved) == wanted


def test_uuid_takes_no_source() -> None:
    assert fingerprint('method => "UUID"') == "id-1"


def test_without_ecs_the_target_has_the_old_name() -> None:
    pipeline = compiled("filter { fingerprint { } }", ecs="disabled")
    event = pipeline.process([pipeline.new_event({"message": "m"})])[0]
    assert event.data["fingerprint"] == hashlib.sha1(b"m").hexdigest()


@pytest.mark.parametrize(
    ("address", "network"), [("192.168.77.13", "192.168.77.0"), (["10.1.2.3"], ["10.1.2.0"]), ("::ffff:1", "::")]
)
def test_an_address_becomes_its_network(address: object, network: object) -> None:
    assert fingerprint('method => "IPV4_NETWORK" key => "24" source => "ip"', ip=address) == network


def test_punctuation_keeps_marks_and_symbols_only() -> None:
    assert fingerprint('method => "PUNCTUATION" source => "m"', m="[a] b=1; «x» 5€") == "[]=;«»€"


@pytest.mark.parametrize(
    ("data", "hashed"),
    [
        (b"", 0), (b"hello", 0x248BFA47), (b"hello, world", 0x149BBB7F),
        (b"The quick brown fox jumps over the lazy dog", 0x2E4FF723),
    ],
)
def test_murmur3_of_32_bits_gives_the_published_values(data: bytes, hashed: int) -> None:
    assert hash32(data) == hashed


def test_murmur3_of_128_bits_gives_the_published_value() -> None:
    hashed = hash128(b"The quick brown fox jumps over the lazy dog")
    assert (hashed[:8][::-1].hex(), hashed[8:][::-1].hex()) == ("e34bbc7bbc071b6c", "7a433ca9c49a9347")
