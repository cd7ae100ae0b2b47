"""FarmHash's Fingerprint64 (Pike and Alakuijala, 2014), which TensorFlow hashes strings with."""

import struct

_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_MASK = 2**64 - 1
_Pair = tuple[int, int]


def fingerprint64(text: bytes) -> int:
    """FarmHash's 64-bit fingerprint of bytes of any length."""
    length = len(text)
    if length > 64:
        return _fingerprint_long(text)
    if length > 32:
        return _fingerprint_33_to_64(text)
    multiplier = _K2 + length * 2
    if length > 16:
        y, z, _ = _mix_ends(text, _K1, multiplier)
        return _mix(y, z, multiplier)
    if length >= 8:
        a, b = _int64(text, 0) + _K2, _int64(text, length - 8)
        c = _rotate(b, 37) * multiplier + a
        return _mix(c, (_rotate(a, 25) + b) * multiplier, multiplier)
    if length >= 4:
        first, last = struct.unpack("<I", text[:4])[0], struct.unpack("<I", text[-4:])[0]
        return _mix(length + (first << 3), last, multiplier)
    if length:
        y = text[0] + (text[length >> 1] << 8)
        return _shift_mix(y * _K2 ^ (length + (text[-1] << 2)) * _K0) * _K2 & _MASK
    return _K2


def _mix_ends(text: bytes, factor: int, multiplier: int) -> tuple[int, int, int]:
    length = len(text)
    a, b = _int64(text, 0) * factor, _int64(text, 8)
    c, d = _int64(text, length - 8) * multiplier, _int64(text, length - 16) * _K2
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    return y, a + _rotate(b + _K2, 18) + c, a


def _fingerprint_33_to_64(text: bytes) -> int:
    length = len(text)
    multiplier = _K2 + length * 2
    y, z, a = _mix_ends(text, _K2, multiplier)
    z = _mix(y, z, multiplier)
    e, f = _int64(text, 16) * multiplier, _int64(text, 24)
    g, h = (
        (y + _int64(text, length - 32)) * multiplier,
        (z + _int64(text, length - 24)) * multiplier,
    )
    return _mix(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, multiplier)


def _fingerprint_long(text: bytes) -> int:
    state = (81 * _K2 + _int64(text, 0), 81 * _K1 + 113, 0)
    state = (state[0], state[1], _shift_mix(state[1] * _K2 + 113) * _K2)
    v, w = (0, 0), (0, 0)
    for start in range(0, (len(text) - 1) // 64 * 64, 64):
        state, v, w = _mix_block(text[start : start + 64], state, v, w, _K1, 1)
    multiplier = _K1 + ((state[2] & 0xFF) << 1)
    w = (w[0] + ((len(text) - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    (x, y, z), v, w = _mix_block(text[-64:], state, v, w, multiplier, 9)
    first = _mix(v[0], w[0], multiplier) + _shift_mix(y) * _K0 + z
    return _mix(first, _mix(v[1], w[1], multiplier) + x, multiplier)


def _mix_block(
    block: bytes, state: tuple[int, int, int], v: _Pair, w: _Pair, multiplier: int, weight: int
) -> tuple[tuple[int, int, int], _Pair, _Pair]:
    x, y, z = state
    x = _rotate(x + y + v[0] + _int64(block, 8), 37) * multiplier ^ w[1] * weight
    y = _rotate(y + v[1] + _int64(block, 48), 42) * multiplier + v[0] * weight + _int64(block, 40)
    z = _rotate(z + w[0], 33) * multiplier
    v = _mix_half(block[:32], v[1] * multiplier, x + w[0])
    w = _mix_half(block[32:], z + w[1], y + _int64(block, 16))
    return (z & _MASK, y & _MASK, x & _MASK), v, w


def _mix_half(half: bytes, a: int, b: int) -> _Pair:
    words = struct.unpack("<4Q", half)
    a += words[0]
    total = a + words[1] + words[2]
    b = _rotate(b + a + words[3], 21) + _rotate(total, 44)
    return (total + words[3]) & _MASK, (b + a) & _MASK


def _mix(u: int, v: int, multiplier: int) -> int:
    a = _shift_mix((u ^ v) * multiplier)
    return _shift_mix((v ^ a) * multiplier) * multiplier & _MASK


def _shift_mix(value: int) -> int:
    value &= _MASK
    return value ^ value >> 47


def _rotate(value: int, bits: int) -> int:
    value &= _MASK
    return (value >> bits | value << 64 - bits) & _MASK


def _int64(text: bytes, start: int) -> int:
    number: int = struct.unpack_from("<Q", text, start)[0]
    return number
