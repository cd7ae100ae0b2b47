"""The settings of a training run, as the benchmarks of accuracy take them."""

import argparse
import dataclasses
from pathlib import Path

from songpop_tf.config import RunConfig, load_config


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options that :func:`settings_of` reads."""
    parser.add_argument("--config", type=Path, help="TOML as of `train --config`")
    parser.add_argument(
        "--preset", default="", help="folder of a pre-trained encoder, to be frozen"
    )


def settings_of(options: argparse.Namespace) -> RunConfig:
    """What --config says, with the frozen encoder of --preset."""
    config = load_config(options.config) if options.config else RunConfig()
    if not options.preset:
        return config
    metadata = dataclasses.replace(config.metadata, preset=options.preset, freeze_backbone=True)
    return dataclasses.replace(config, metadata=metadata)
