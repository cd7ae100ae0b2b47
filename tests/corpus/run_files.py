"""Files that the program wrote itself, and that were damaged since."""

import json
from typing import Any

from tests.corpus.damage import Files, bit_flipped, labelled, overwritten, texts, truncated


def damaged(content: bytes, seed: int, count: int) -> Files:
    """What a bad disk or a broken copy makes of any file.

    Args:
        content: of the whole file.
        seed: of the places of damage.
        count: of files of each kind.
    """
    return {
        **truncated(content, count),
        **bit_flipped(content, count, seed),
        **overwritten(content, count, seed),
        **texts(seed),
        "twice": content + content,
        "bytes_added": content + b"\0\0\0\0",
        "text_mode_line_ends": content.replace(b"\n", b"\r\n"),
    }


def changed_json(content: bytes) -> Files:
    """Valid JSON of another program, or of another version of this one."""
    stored = json.loads(content)
    other: dict[str, Any] = {
        "null": None,
        "a_number": 7,
        "a_text": "text",
        "an_empty_list": [],
        "an_empty_object": {},
        "a_list_of_itself": [stored],
        "deeply_nested": _nested(500),
    }
    if isinstance(stored, dict):
        other |= {f"without_{key}": _without(stored, key) for key in stored}
        other |= {f"{key}_null": {**stored, key: None} for key in stored}
        other |= {f"{key}_a_list": {**stored, key: [1, "a"]} for key in stored}
        other["of_another_version"] = {**stored, "format": 99}
        other["of_no_version"] = _without(stored, "format")
    files = {name: json.dumps(value).encode() for name, value in other.items()}
    files["not_closed"] = b"[" * 100_000
    files["byte_order_mark"] = b"\xef\xbb\xbf" + content
    return labelled("json", files)


def changed_toml(content: bytes) -> Files:
    """Valid or invalid TOML that is no configuration."""
    lines = {
        "unknown_setting": b"colour = 1",
        "unknown_table": b"[colours]\nred = 1",
        "text_as_number": b'seed = "one"',
        "list_as_number": b"seed = [1]",
        "boolean_as_number": b"seed = true",
        "seed_of_65_bits": b"seed = 36893488147419103232",
        "negative_seed": b"seed = -1",
        "not_a_number": b"auxiliary_weight = nan",
        "infinite": b"auxiliary_weight = inf",
        "number_as_table": b"cnn_fit = 1",
        "date": b"seed = 1991-01-01",
        "deeply_nested": b"a = " + b"[" * 5000,
        "doubled_key": b"seed = 1\nseed = 2",
        "json": b'{"seed": 1}',
        "null_character": b"seed = 1\0",
    }
    return labelled("toml", {"in_utf_16": content.decode().encode("utf-16-be"), **lines})


def _nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def _without(stored: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if name != key}
