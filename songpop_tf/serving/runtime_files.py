"""The script and the README that are written beside networks for other runtimes."""

from collections.abc import Sequence
from pathlib import Path

from songpop_tf.serving.schema import NETWORK_SUFFIXES

SCRIPT = "predict.py"
README = "README.md"

_PACKAGES = {"litert": "ai-edge-litert", "onnx": "onnxruntime", "openvino": "openvino"}
_IMPORTS = {
    "litert": "from ai_edge_litert.interpreter import Interpreter",
    "onnx": "from onnxruntime import InferenceSession",
    "openvino": "import openvino",
}
_LOAD = {
    "litert": """\
    return Interpreter(str(FOLDER / f"{branch}.tflite")).get_signature_runner()
""",
    "onnx": """\
    session = InferenceSession(FOLDER / f"{branch}.onnx")
    names = [output.name for output in session.get_outputs()]
    return lambda **inputs: dict(zip(names, session.run(names, inputs)))
""",
    "openvino": """\
    network = openvino.compile_model(
        FOLDER / f"{branch}.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return lambda **inputs: {
        output.any_name: values for output, values in network(inputs).items()
    }
""",
}
_TEMPLATE = '''\
"""Predict the popularity of a song, without TensorFlow.

    python predict.py ARTIST TITLE YEAR [SPECTROGRAM.npy]

"" and 0 mean unknown. A spectrogram has 256 rows and 1024 columns, 0-255.
"""

import sys
from pathlib import Path

import numpy as np
%(import)s
from song_inputs import SongInputs, spectrogram_inputs

FOLDER = Path(__file__).resolve().parent


def load(branch):
    """Load a network: a function from its inputs to its outputs, arrays by name."""
%(load)s

def predict(artists, titles, years, spectrograms=None):
    """Predict songs: arrays by name of the output."""
    branch = "text" if spectrograms is None else "combined"
    inputs = SongInputs(FOLDER / "preprocessors" / branch)(artists, titles, years)
    if spectrograms is not None:
        inputs |= spectrogram_inputs(spectrograms)
    return load(branch)(**inputs)


if __name__ == "__main__":
    artist, title, year, *files = sys.argv[1:]
    spectrograms = np.stack([np.load(file) for file in files]) if files else None
    for name, values in predict([artist], [title], [int(year)], spectrograms).items():
        print(f"{name} {values[0]:.1f}")
'''
_README = """\
# Networks for %(package)s

```sh
pip install %(package)s numpy
python predict.py "Fleetwood Mac" Dreams 1977
```

`predict.py` takes artist, title, year and a spectrogram to popularity; copy from it. It needs no
TensorFlow: the folder `song_inputs` is Python with NumPy only.

| file | inputs |
|---|---|
%(networks)s

Outputs are `popularity`, `popularity_low` and `popularity_high`, `(songs,)` float32, 0-100: the
prediction and its 90 %% interval.

| input | |
|---|---|
| `artist`, `title` | `(songs, tokens)` int32: word pieces, all 0 = unknown |
| `year` | `(songs,)` int32, 0 = unknown |
| `artist_count` | `(songs,)` int32: credited artists |
| `year_baseline` | `(songs,)` float32: popularity expected for the year |
| `history` | `(songs, 32, 5)` float32: other songs of the artists |
| `spectrogram` | `(songs, 256, 1024)` float32, 0-255, low frequencies at the bottom, black = 0 |
| `columns` | `(songs,)` int64: width before resizing, 0 = unknown |
| `statistics` | `(songs, 448)` float32 of the image before resizing; not read if that is unknown |

`SongInputs` makes those of artist, title and year; `spectrogram_inputs` those of a spectrogram that
was resized before. Of files of full width, `pipelines.spectrograms.loading.load_spectrogram`
computes all three, with TensorFlow; predictions are then more accurate.
"""
_METADATA, _AUDIO = (
    "artist, title, year, artist_count, year_baseline, history",
    "spectrogram, columns, statistics",
)
_INPUTS = {"text": _METADATA, "cnn": _AUDIO, "combined": f"{_METADATA}, {_AUDIO}"}
"""By branch."""


def write_script(runtime: str, directory: Path) -> None:
    """Write ``predict.py``, which predicts songs with the networks of a folder."""
    script = _TEMPLATE % {"import": _IMPORTS[runtime], "load": _LOAD[runtime]}
    (directory / SCRIPT).write_text(script, encoding="utf-8")


def write_readme(runtime: str, branches: Sequence[str], directory: Path) -> None:
    """Write ``README.md``, which names the inputs and outputs of the networks of a folder."""
    networks = [
        f"| `{branch}{NETWORK_SUFFIXES[runtime]}` | {_INPUTS[branch]} |" for branch in branches
    ]
    text = _README % {"package": _PACKAGES[runtime], "networks": "\n".join(networks)}
    (directory / README).write_text(text, encoding="utf-8")
