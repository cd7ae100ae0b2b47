"""What two outputs must have in common to be the same."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import tensorflow as tf

_SPEEDS = frozenset({"seconds", "songs_per_second"})


def files(folder: Path, *suffixes: str) -> dict[str, bytes]:
    """Content of the files below a folder, without hidden ones."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and (not suffixes or path.suffix in suffixes)
    }


def history(path: Path) -> Any:
    """The epochs of a model, without how fast they were."""
    epochs = json.loads(path.read_text())
    return [{key: value for key, value in epoch.items() if key not in _SPEEDS} for epoch in epochs]


def weights(path: Path) -> dict[str, np.ndarray]:
    """The weights in a ``.keras`` file by their names."""
    found: dict[str, np.ndarray] = {}

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as stored:
        stored.visititems(collect)
    return found


def names(run: Path) -> set[str]:
    """The files of a run, but for TensorBoard's, whose names have time and process in them."""
    return {name for name in files(run) if not name.startswith("tensorboard/")}


def assert_same_run(run: Path, expected: Path) -> None:
    """Models, histories, intervals and settings are those of the other run."""
    assert names(run) == names(expected)
    for suffix in (".toml", ".txt"):
        assert files(run, suffix) == files(expected, suffix)
    assert files(run / "intervals") == files(expected / "intervals")
    for path in sorted(expected.glob("history/*.json")):
        assert history(run / "history" / path.name) == history(path)
    for path in sorted(expected.glob("models/*.keras")):
        trained, unstopped = weights(run / "models" / path.name), weights(path)
        assert set(trained) == set(unstopped)
        for name, values in unstopped.items():
            np.testing.assert_array_equal(trained[name], values, err_msg=f"{path.name} {name}")


def assert_same_variables(version: Path, expected: Path) -> None:
    """The weights are those of the other export.

    The graph's bytes, and the seeds of dropout that serving does not use, are of each process.
    """
    exported, unstopped = (float_variables(folder) for folder in (version, expected))
    assert exported == unstopped
    assert exported


def float_variables(version: Path) -> list[tuple[tuple[int, ...], bytes]]:
    """Shape and bytes of the weights of an export, sorted."""
    stored = tf.train.load_checkpoint(str(version / "variables" / "variables"))
    types = stored.get_variable_to_dtype_map()
    tensors = [stored.get_tensor(name) for name, dtype in types.items() if dtype.is_floating]
    return sorted((tensor.shape, tensor.tobytes()) for tensor in tensors)


def trials(folder: Path) -> pd.DataFrame:
    """The trials of a search without their times."""
    table = pd.read_csv(next(folder.rglob("trials.csv")))
    return table.drop(columns=[name for name in table if "seconds" in name or "time" in name])
