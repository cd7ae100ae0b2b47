"""Training that is distributed over devices."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf

from pipelines.errors import InputError
from songpop_tf.training.devices import DEVICES, distribution_strategy


def test_two_devices_train_as_one() -> None:
    command = [sys.executable, "-m", "tests.songpop_tf.training.two_devices"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    received = json.loads(process.stdout)
    assert received["replicas"] == 2
    for rows, tolerance in (
        ("32", 1e-5),
        # One device gets nothing of the last batch, whose one row therefore counts less.
        ("33", 1e-2),
    ):
        histories = received["histories"][rows]
        assert histories["all"][-1]["loss"] < histories["all"][0]["loss"]
        for entry, expected in zip(histories["all"], histories["one"], strict=True):
            assert entry == pytest.approx(expected, rel=tolerance)


def test_devices_are_one_or_all() -> None:
    logical = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    assert len(logical) == 1, "several would be used by 'all'"
    for devices in DEVICES:
        assert distribution_strategy(devices) is tf.distribute.get_strategy()
    with pytest.raises(InputError, match="devices: expected one of one, all, received '2'"):
        distribution_strategy("2")
