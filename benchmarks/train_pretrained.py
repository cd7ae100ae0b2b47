"""Train, measure and export the bundled model.

    python benchmarks/train_pretrained.py --songs tracks_hot100.csv --pretraining tracks_mixed.csv \
        --recordings real --config benchmarks/minilm.toml --preset MINILM_FOLDER \
        --run RUN_FOLDER --out saved_models/songpop

Four fifths of the songs are the training set, a tenth the validation set (early stopping,
calibration of the intervals) and a tenth the test set. The artist history of the exported model
covers all songs. Of the encoder of --preset the layers of --config and the usual word pieces are
kept. --recordings is the folder that hearing.py reads: its spectrograms teach the CNN
audio features, see pretrained_audio.py. --run is kept, so that `songpop-tf export` can write the
same model again after a change of the graph.
"""

import argparse
import dataclasses
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from accuracy import (
    EncodingCache,
    Fold,
    add_table_options,
    make_folds,
    predict_text,
    read_songs,
    train_text_branch,
)
from config_options import add_config_options, config_from_options
from intervals import predict_text_without_history
from pretrained_audio import (
    COPIES,
    FeatureErrors,
    Recordings,
    SongTable,
    Values,
    calibrate_cnn,
    calibrate_fusion,
    cross_validated_features,
    fit_fusion,
    fit_popularity,
    read_recordings,
    train_cnn,
)
from pretrained_card import about, measure_audio
from reduced_preset import reduce_preset

from pipelines.io import write_atomically
from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.known_fields import MISSINGNESS_PATTERNS, PATTERNS_WITH_ARTIST
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.metadata.year_quantiles import fit_year_quantiles, write_year_quantiles
from pipelines.tables.audio_features import AUDIO_FEATURES, standardize_audio_features
from songpop_tf.config import RunConfig, save_config
from songpop_tf.console import Console
from songpop_tf.evaluation.metrics import PREDICTED_PREFIX
from songpop_tf.evaluation.model_card import MODEL_CARD_FILE, render_model_card
from songpop_tf.serving.export import export
from songpop_tf.training.calibration import calibrate
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.conformal import PredictionIntervals
from songpop_tf.training.inference import drop_fields, read_covariates
from songpop_tf.training.run import CONFIG_FILE, Run
from songpop_tf.training.text_branch import TextBranch

TEXT, CNN, COMBINED = (
    Configuration(branch, pretrained=True) for branch in ("text", "cnn", "combined")
)
FOLDS = 10


@dataclasses.dataclass(frozen=True)
class Branches:
    """The trained models.

    Attributes:
        text: the text branch.
        cnn, combined: of the same names' configurations.
    """

    text: TextBranch
    cnn: keras.Model
    combined: keras.Model


def read_tables(options: argparse.Namespace, seed: int) -> Fold:
    """A random fold of the songs, with audio features and durations where they are known."""
    songs, pretraining = read_songs(options.songs, options.pretraining)
    columns = pd.read_csv(options.songs).drop_duplicates("id").set_index("id")
    songs = songs.join(columns[[*AUDIO_FEATURES, "duration_ms"]], on="track_id")
    fold = next(make_folds(songs, pretraining, "random", FOLDS, seed))
    return Fold(*(table.reset_index(drop=True) for table in dataclasses.astuple(fold)))


def reduce_encoder(config: RunConfig, fold: Fold, folder: Path) -> RunConfig:
    """Write the part of the preset that is needed to a folder, and take it as preset."""
    metadata = config.metadata
    if not metadata.preset:
        return config
    songs = pd.concat([fold.train, fold.validation, fold.test, fold.pretraining])
    reduce_preset(
        Path(metadata.preset), pd.concat([songs.artist, songs.title]), metadata.layers, folder
    )
    return dataclasses.replace(config, metadata=dataclasses.replace(metadata, preset=str(folder)))


def train(
    fold: Fold, recordings: Recordings, errors: FeatureErrors, config: RunConfig, console: Console
) -> Branches:
    """Train both branches and the head that fuses them."""
    text = train_text_branch(fold, config, EncodingCache(), console)
    cnn = train_cnn(recordings, float(fold.train.popularity.mean()), config.seed)
    tables = (
        SongTable.simulate(fold.train, errors, COPIES, config.seed),
        SongTable.simulate(fold.validation, errors, 1, config.seed + 1),
    )
    fit_popularity(cnn, *tables, config, console)
    return Branches(text, cnn, fit_fusion(cnn, text, *tables, config, console))


def calibrate_text(branch: TextBranch, songs: pd.DataFrame) -> PredictionIntervals:
    """Calibrate the prediction intervals of the text branch."""
    popularity = [predict_text(branch, drop_fields(songs, known)) for known in MISSINGNESS_PATTERNS]
    without_history = [
        predict_text_without_history(branch, drop_fields(songs, known))
        for known in PATTERNS_WITH_ARTIST
    ]
    return calibrate(
        songs.popularity.to_numpy("float64"),
        np.stack(popularity),
        np.stack(without_history),
        read_covariates(songs, branch.preprocessor),
    )


def save(
    run: Run, branches: Branches, fold: Fold, validation: SongTable, config: RunConfig
) -> None:
    """Write what `songpop-tf train` would write, with the artist history of all songs."""
    songs = pd.concat([fold.train, fold.validation, fold.test, fold.pretraining], ignore_index=True)
    text, cnn, combined = branches.text, branches.cnn, branches.combined
    preprocessor = MetadataPreprocessor(
        text.preprocessor.tokenizer, ArtistHistory.from_table(songs)
    )
    preprocessor.save(run.preprocessor_directory(TEXT))
    save_config(config, run.directory / CONFIG_FILE)
    years, popularity = fold.train.year.to_numpy(), fold.train.popularity.to_numpy()
    write_year_quantiles(run.year_quantiles_path, fit_year_quantiles(years, popularity))
    run.save_model(TEXT, text.trained_encoder(), [], calibrate_text(text, fold.validation))
    run.save_model(CNN, _copy(cnn), [], calibrate_cnn(cnn, validation))
    intervals = calibrate_fusion(combined, cnn, text, validation)
    run.save_model(COMBINED, combined, [], intervals)


def _copy(model: keras.Model) -> keras.Model:
    """Keras cannot save a model of which another model takes a part."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def main() -> None:
    """Train, measure and export."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    add_table_options(parser)
    parser.add_argument("--recordings", type=Path, required=True, help="folder of hearing.py")
    add_config_options(parser)
    parser.add_argument("--run", type=Path, required=True, help="absent; of the trained models")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    options = parser.parse_args()
    if options.run.exists():
        parser.error(f"--run: expected an absent folder, received {options.run}")
    config = config_from_options(options)
    fold = read_tables(options, config.seed)
    recordings = read_recordings(options.recordings, config.seed)
    predicted: Values = cross_validated_features(recordings, config.seed)
    truth = standardize_audio_features(recordings.truth).astype("float64")
    errors = FeatureErrors.estimate(truth, predicted)
    with Console() as console:
        config = reduce_encoder(config, fold, options.run / "encoder")
        branches = train(fold, recordings, errors, config, console)
        validation, test = (
            SongTable.simulate(table, errors, 1, config.seed + number)
            for number, table in enumerate((fold.validation, fold.test), start=1)
        )
        run = Run(options.run)
        save(run, branches, fold, validation, config)
        version = export(run, options.out)
        audio = measure_audio(
            branches.text, branches.cnn, branches.combined, test, (truth, predicted)
        )
        summary = about(options, fold, branches.text, run.load_intervals(TEXT), audio)
        text = predict_text(branches.text, fold.test)
        predictions = fold.test.assign(**{PREDICTED_PREFIX + TEXT.name: text})
        with write_atomically(version / MODEL_CARD_FILE) as temporary:
            card = render_model_card(TEXT.name, summary, predictions, "apache-2.0")
            temporary.write_text(card, encoding="utf-8")
        console.print(f"exported to {version}")


if __name__ == "__main__":
    main()
