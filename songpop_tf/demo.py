"""The whole program on a generated sample."""

from pathlib import Path

import pandas as pd

from pipelines.errors import InputError
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared import PreparedData
from pipelines.sample import BEST_PREDICTIONS, write_sample
from pipelines.splits import TEST
from songpop_tf.board.board import FOLDER, Board
from songpop_tf.config import RunConfig, SplitConfig
from songpop_tf.evaluation.evaluate import evaluate
from songpop_tf.evaluation.metrics import r2
from songpop_tf.evaluation.report import REPORT, text_table
from songpop_tf.serving.open import open_predictor
from songpop_tf.serving.predict import Song
from songpop_tf.training.fit import Console
from songpop_tf.training.run import CONFIGURATIONS, Run
from songpop_tf.training.stages import Trainer

SONGS, SECONDS = 720, 15.0


def run_demo(directory: Path, seed: int, console: Console) -> None:
    """Sample, prepare, train, evaluate and predict; goes on where it was interrupted."""
    sample, prepared, trained = (directory / name for name in ("sample", "data", "run"))
    console.say(f"1/5  draws {SONGS} invented songs")
    write_sample(
        sample,
        SONGS,
        seconds=SECONDS,
        seed=seed,
        progress=lambda done, of: console.progress("drawing spectrograms", done, of),
    )
    console.say("2/5  links, splits and shrinks them")
    split = SplitConfig(seed=seed)
    options = PrepareOptions(sample / "spectrograms", [sample / "tracks.csv"], split)
    data = prepare(options, prepared, console.progress)
    console.say("3/5  trains six models, naive and better")
    config = RunConfig(seed=seed)
    run = Run.start(trained, data, config)
    board = Board(trained / FOLDER)
    Trainer(data, run, config, console, board=board).train(list(CONFIGURATIONS))
    console.say("4/5  compares them on the test songs\n")
    evaluation = evaluate(data, run, seed, console)
    console.say(text_table(evaluation, _reachable_r2(sample, data)))
    song = data.songs_of(TEST).iloc[0]
    found = open_predictor(trained).predict(
        [Song(song.artist, song.title, int(song.year), sample / "spectrograms" / song.file)]
    )[0]
    if isinstance(found, InputError):
        raise found
    console.say(
        f"\n5/5  predicts {song.artist} - {song.title} ({song.year}): "
        f"{found.popularity:.0f}, most likely {found.low:.0f} to {found.high:.0f}, in truth "
        f"{song.popularity:.0f}"
    )
    console.say(f"\nReport and figures: {trained / REPORT}")
    console.say(f"Watch: tensorboard --logdir {board.directory}")


def _reachable_r2(sample: Path, data: PreparedData) -> dict[str, float]:
    """The R2 of the best possible predictions on the very songs that the table is about."""
    test = data.songs_of(TEST)
    best = pd.read_csv(sample / BEST_PREDICTIONS).set_index("file").loc[test.file]
    truth = test.popularity.to_numpy("float64")
    return {
        branch: r2(truth, best[branch].to_numpy("float64"))
        for branch in ("text", "cnn", "combined")
    }
