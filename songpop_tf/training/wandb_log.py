"""Log a training to Weights & Biases, which reads what is written for TensorBoard."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from pipelines.errors import InputError
from pipelines.extras import require_extra
from songpop_tf.config import RunConfig
from songpop_tf.training.run import Run

PROJECT = "songpop_tf"


@contextmanager
def wandb_run(run: Run, config: RunConfig, log_dir: Path) -> Iterator[None]:
    """Send settings and everything written to ``log_dir`` to a run of Weights & Biases.

    Account, mode and project are set as usual, in the environment: without a network,
    ``WANDB_MODE=offline`` writes to the folder ``wandb`` of the run.

    Args:
        run: its folder names the run.
        config: of the run.
        log_dir: folder of the TensorBoard logs; their folders are part of the metrics' names.

    Raises:
        InputError: the extra ``wandb`` is not installed, or the service cannot be used.
    """
    require_extra("wandb", "wandb", "wandb")
    import wandb

    wandb.tensorboard.patch(root_logdir=str(log_dir), pytorch=False)
    try:
        with wandb.init(
            project=PROJECT,
            name=run.directory.name,
            dir=str(run.directory),
            config=asdict(config),
        ):
            yield
    except wandb.Error as error:
        raise InputError(f"wandb: {' '.join(str(error).split())}") from error
    finally:
        wandb.tensorboard.unpatch()
