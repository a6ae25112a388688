"""MurmurHash3, 32 bits and 128 bits (x64). Source: Austin Appleby's MurmurHash3.cpp (public domain)."""

from __future__ import annotations

_32 = 0xFFFFFFFF
_64 = 0xFFFFFFFFFFFFFFFF
_C1, _C2 = 0x87C37B91114253D5, 0x4CF5AD432745937F


def hash32(data: bytes, seed: int = 0) -> int:
    state = seed
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        state = _rotl32(state ^ _mix32(int.from_bytes(data[at : at + 4], "little")), 13)
        state = (state * 5 + 0xE6546B64) & _32
    if len(data) > whole:
        state ^= _mix32(int.from_bytes(data[whole:], "little"))
    state ^= len(data)
    state = ((state ^ state >> 16) * 0x85EBCA6B) & _32
    state = ((state ^ state >> 13) * 0xC2B2AE35) & _32
    return state ^ state >> 16


def hash128(data: bytes, seed: int = 0) -> bytes:
    """Sixteen bytes: both halves, little-endian."""
    one = other = seed
    whole = len(data) // 16 * 16
    for at in range(0, whole, 16):
        one ^= _mix_first(int.from_bytes(data[at : at + 8], "little"))
        one = ((_rotl64(one, 27) + other) * 5 + 0x52DCE729) & _64
        other ^= _mix_second(int.from_bytes(data[at + 8 : at + 16], "little"))
        other = ((_rotl64(other, 31) + one) * 5 + 0x38495AB5) & _64
    rest = data[whole:]
    if len(rest) > 8:
        other ^= _mix_second(int.from_bytes(rest[8:], "little"))
    if rest:
        one ^= _mix_first(int.from_bytes(rest[:8], "little"))
    one ^= len(data)
    other ^= len(data)
    one = (one + other) & _64
    other = (other + one) & _64
    one, other = _final64(one), _final64(other)
    one = (one + other) & _64
    other = (other + one) & _64
    return one.to_bytes(8, "little") + other.to_bytes(8, "little")


def _rotl32(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & _32


def _rotl64(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & _64


def _mix32(block: int) -> int:
    return (_rotl32((block * 0xCC9E2D51) & _32, 15) * 0x1B873593) & _32


def _mix_first(block: int) -> int:
    return (_rotl64((block * _C1) & _64, 31) * _C2) & _64


def _mix_second(block: int) -> int:
    return (_rotl64((block * _C2) & _64, 33) * _C1) & _64


def _final64(value: int) -> int:
    value = ((value ^ value >> 33) * 0xFF51AFD7ED558CCD) & _64
    value = ((value ^ value >> 33) * 0xC4CEB9FE1A85EC53) & _64
    return value ^ value >> 33
