"""Figures that need no trained models."""

from songpop_tf.evaluation.plots import plot_comparison, plot_training_curves


def best_epoch(history: list[dict]) -> tuple[int, float]:
    """The epoch that the training curves mark as best, and its validation MSE."""
    axes = plot_training_curves({"text": history}).axes[0]
    marker = next(line for line in axes.lines if line.get_label() == "best epoch")
    return marker.get_xdata().item(), marker.get_ydata().item()


def test_best_epoch_is_one_of_the_last_stage() -> None:
    epochs = [(1, 1, 90.0), (2, 1, 50.0), (3, 2, 80.0), (4, 2, 70.0), (5, 2, 75.0)]
    history = [
        {"epoch": epoch, "stage": stage, "loss": loss, "val_loss": loss}
        for epoch, stage, loss in epochs
    ]
    assert best_epoch(history) == (4, 70.0)


def test_comparison_has_the_lowest_mse_at_the_top() -> None:
    evaluation = {
        "baselines": {"mean": {"mse": 300.0, "mse_ci": [250.0, 350.0]}},
        "models": {
            "text": {"mse": 200.0, "mse_ci": [150.0, 250.0]},
            "cnn": {"mse": 400.0, "mse_ci": [350.0, 450.0]},
        },
    }
    axes = plot_comparison(evaluation).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cnn", "mean", "text"]
    assert [bar.get_width() for bar in axes.patches] == [400.0, 300.0, 200.0]
