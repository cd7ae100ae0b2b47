"""Command-line options for the configuration of a training run."""

import argparse
import dataclasses
from pathlib import Path

from songpop_tf.config import RunConfig, load_config


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that :func:`config_from_options` reads."""
    parser.add_argument("--config", type=Path, help="TOML as of `train --config`")
    parser.add_argument("--preset", default="", help="folder of a pre-trained encoder, used frozen")


def config_from_options(options: argparse.Namespace) -> RunConfig:
    """The configuration of --config, with the frozen encoder of --preset."""
    config = load_config(options.config) if options.config else RunConfig()
    if not options.preset:
        return config
    metadata = dataclasses.replace(config.metadata, preset=options.preset, freeze_backbone=True)
    return dataclasses.replace(config, metadata=metadata)
