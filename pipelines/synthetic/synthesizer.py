"""Synthesize a plausible song from its audio attributes."""

import numpy as np

from pipelines.audio.synchrosqueezing import SAMPLE_RATE, Audio
from pipelines.synthetic.composition import (
    Grid,
    bass_notes,
    beat_grid,
    chord_notes,
    drum_hits,
    melody_notes,
)
from pipelines.synthetic.drums import add_hits, hat, kick, snare
from pipelines.synthetic.instruments import Instrument, play_notes
from pipelines.synthetic.mastering import (
    add_noise_floor,
    add_room,
    compress,
    compression,
    fade,
    limit,
)
from pipelines.synthetic.song_attributes import AudioAttributes


def synthesize(attributes: AudioAttributes, seconds: float, rng: np.random.Generator) -> Audio:
    """Synthesize one song.

    Energy adds high harmonics, denser notes and louder drums; danceability a strong, regular beat;
    acousticness removes percussion and high harmonics, shortens the decay of notes and lengthens
    the reverberation; loudness reduces the contrast between loud and soft and distorts. All are
    relations within the sound, so that they do not depend on its level.

    Args:
        attributes: of the song.
        seconds: length, at least 0.2.
        rng: generator of melody, arrangement, section lengths, timbre and noise.

    Returns:
        ``(samples,)`` float32, mono, 24 kHz, between -1 and 1.
    """
    audio = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    grid = beat_grid(attributes, seconds, rng)
    _add_instruments(audio, attributes, grid, rng)
    _add_drums(audio, attributes, grid, rng)
    return _master(audio, attributes, rng)


def _add_instruments(
    audio: Audio, attributes: AudioAttributes, grid: Grid, rng: np.random.Generator
) -> None:
    tilt = 2.2 - 1.7 * attributes.energy + 0.5 * attributes.acousticness
    # Electric instruments sustain their notes; acoustic ones decay from the attack on.
    decay = 2.0 - 1.5 * attributes.acousticness
    electric = 1.0 - attributes.acousticness
    bass = Instrument(tilt + 0.3, tilt + 1.0, attack=0.01, decay=decay, attack_noise=0.5)
    chords = Instrument(
        tilt,
        tilt + 1.0,
        attack=0.005 + 0.03 * electric,
        decay=decay,
        detune=0.08 * electric,
        attack_noise=1.0,
    )
    voice = Instrument(
        0.5 * tilt,
        0.5 * tilt + 0.3,
        attack=0.04,
        decay=4.0,
        vibrato=0.35,
        glide=1.0,
        is_voice=True,
        attack_noise=1.5,
    )
    play_notes(audio, bass_notes(attributes, grid, rng), bass, rng)
    play_notes(audio, chord_notes(attributes, grid, rng), chords, rng)
    play_notes(audio, melody_notes(attributes, grid, rng), voice, rng)


def _add_drums(
    audio: Audio, attributes: AudioAttributes, grid: Grid, rng: np.random.Generator
) -> None:
    # Acoustic songs have no drum kit, or a quiet one.
    kit = (1.0 - 0.85 * attributes.acousticness) * (0.5 + 0.75 * attributes.energy)
    beat = 0.05 + 0.95 * attributes.danceability**1.4
    cymbals = hat(rng)
    # The kick is the beat, so that acoustic songs have it too, but softer.
    for sound, gain, beat_offset, every, first in (
        (kick(rng), 22.0 * beat * (0.7 + 0.3 * kit), 0.0, 1, 0),
        (snare(rng), 11.0 * kit * (0.35 + 0.4 * beat), 0.0, 2, 1),
        (cymbals, 3.0 * kit * 0.8, 0.0, 1, 0),
        (cymbals, 3.0 * kit * (0.3 + 0.5 * beat), 0.5, 1, 0),
    ):
        hits = drum_hits(attributes, grid, rng, beat_offset=beat_offset, every=every, first=first)
        add_hits(audio, hits, sound, gain)


def _master(audio: Audio, attributes: AudioAttributes, rng: np.random.Generator) -> Audio:
    loudness = compression(attributes)
    room_seconds = 0.5 + 1.0 * attributes.acousticness
    audio = add_room(audio, rng.uniform(0.05, 0.2), room_seconds, rng)
    audio = add_noise_floor(audio, rng.uniform(-46.0, -30.0), rng)
    audio = compress(audio, 0.1 + 0.45 * loudness)
    audio = limit(audio, 0.2 + 0.5 * loudness)
    return fade(audio, rng)
