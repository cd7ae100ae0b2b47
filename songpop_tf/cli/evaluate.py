"""The command ``evaluate``: compare models and baselines."""

from songpop_tf.cli.common import DataFolder, Debug, RunFolder, Seed, tensorflow_session


def evaluate(data: DataFolder, run: RunFolder, seed: Seed = 0, debug: Debug = False) -> None:
    """Compare models and baselines.

    Evaluates them on the test songs and writes evaluation.json, report.md and figures.

    \b
    Example:
      songpop-tf evaluate --data data --run run
    """
    with tensorflow_session(debug, f"evaluating {run} on {data}") as console:
        from songpop_tf import commands
        from songpop_tf.constants import REPORT_FILE
        from songpop_tf.evaluation.report import text_table

        evaluation = commands.evaluate(data, run, seed=seed, console=console)
        console.print(text_table(evaluation))
        console.print(f"Report and figures: {run / REPORT_FILE}")
