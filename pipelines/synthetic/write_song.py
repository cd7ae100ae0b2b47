"""Write the files of one song; the part that runs in the worker processes."""

from pathlib import Path

import numpy as np
import soundfile

from pipelines.audio.audio_spectrogram import encode_png, shared_transform
from pipelines.audio.grayscale import to_grayscale
from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.io import write_atomically
from pipelines.synthetic.sample_plan import PlannedSong
from pipelines.synthetic.synthesizer import synthesize


def write_song(
    spectrogram: Path, sound: Path | None, song: PlannedSong, entropy: tuple[int, ...]
) -> None:
    """Synthesize a song and write its spectrogram and, on request, its sound.

    Args:
        spectrogram: the PNG to write; written last.
        sound: the FLAC file to write, or None.
        song: what to synthesize.
        entropy: seed of the song's generator.
    """
    rng = np.random.default_rng(np.random.SeedSequence(entropy))
    audio = synthesize(song.attributes, song.seconds, rng)
    if sound is not None:
        with write_atomically(sound) as temporary:
            soundfile.write(temporary, audio, SAMPLE_RATE, format="FLAC")
    with write_atomically(spectrogram) as temporary:
        temporary.write_bytes(encode_png(to_grayscale(shared_transform()(audio))))
