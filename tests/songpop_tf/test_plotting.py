"""Figures of the report and of TensorBoard."""

import numpy as np
import pandas as pd

from songpop_tf.plotting import plot_error_by_decade, plot_predictions, plot_spectrograms


def test_predictions_are_plotted_against_true_popularity() -> None:
    truth, predicted = np.array([10.0, 50.0]), np.array([20.0, 40.0])
    axes = plot_predictions(truth, predicted, "text").axes[0]
    band, points = axes.collections
    assert band.get_datalim(axes.transData).bounds == (0, -15, 100, 130)
    np.testing.assert_array_equal(points.get_offsets(), [[10, 20], [50, 40]])
    assert axes.get_title(loc="left") == "text"


def test_error_by_decade_has_one_line_for_each_model_and_counts_songs() -> None:
    songs = pd.DataFrame({"popularity": [10.0, 20.0, 30.0], "year": [0, 1961, 1969]})
    predicted = {"mean": np.full(3, 20.0), "text": np.array([10.0, 22.0, 30.0])}
    axes = plot_error_by_decade(songs, predicted, "Error by decade").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["?\n1", "1960s\n2"]
    errors = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
    assert errors == {"mean": [10.0, 5.0], "text": [0.0, 1.0]}


def test_each_spectrogram_has_its_own_titled_row() -> None:
    panels = [("file", np.zeros((8, 30))), ("model input", np.ones((4, 6)))]
    figure = plot_spectrograms(panels, "artist - title")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["file", "model input"]
    assert figure.get_suptitle() == "artist - title"
