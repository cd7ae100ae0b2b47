"""The model is ready before the first song."""

from typing import Any

from songpop_tf.app.warm_up import warm_up
from songpop_tf.serving.backend import Backend


class Counting:
    """A backend that tells which of its signatures were called."""

    def __init__(self, backend: Backend, branches: list[str]) -> None:
        self._backend = backend
        self.branches = branches
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def predict_batch(self, signature: str, inputs: Any) -> Any:
        self.called.add(signature)
        return self._backend.predict_batch(signature, inputs)


def test_what_a_song_needs_is_called_once(backend: Backend) -> None:
    counting = Counting(backend, backend.branches)
    warm_up(counting)  # type: ignore[arg-type]
    assert counting.called == {"metadata_only", "occlusion", "history", "serving_default"}


def test_a_model_of_words_gets_no_sound(backend: Backend) -> None:
    counting = Counting(backend, ["text"])
    warm_up(counting)  # type: ignore[arg-type]
    assert counting.called == {"metadata_only", "history"}
