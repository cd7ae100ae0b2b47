"""Statistics of a spectrogram that describe timbre, rhythm, harmony and dynamics.

Resizing a song to 1,024 columns removes its rhythm: a step is then a fifth of a second long. These
statistics are computed from the file's own columns, 200 a second, in windows of 12 seconds. They
have no weights. Music information retrieval has used their like for decades: spectral shape, onset
strength (Bello et al. 2005, doi:10.1109/TSA.2005.851998), spectral contrast (Jiang et al. 2002),
modulation spectrum (McKinney & Breebaart 2003), chroma (Fujishima 1999) and the autocorrelation of
onsets (Ellis 2007, doi:10.1080/09298210701653344).
"""

import math

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipelines.spectrograms.resampling import fft_resample

WINDOWS, WINDOW_COLUMNS = 4, 2400
"""Windows of a song, evenly spread; shorter songs are repeated to fill one."""
BANDS = 64
"""Bands of adjacent rows, evenly spaced in the logarithm of frequency."""
RATE = 100.0
"""Time steps a second: pairs of columns are averaged."""

_ROWS, _LOWEST_HERTZ, _HIGHEST_HERTZ = 256, 30.0, 12_000.0
_FULL_SCALE = 255.0
_STEPS = WINDOW_COLUMNS // 2
_TINY = 1e-3

_MODULATION_HERTZ = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 50.0)
"""Edges of the octaves of the modulation spectrum."""
_MODULATION_BANDS = 16
_BEATS_PER_MINUTE = np.linspace(50.0, 210.0, 40)
"""Tempos of the autocorrelation."""

_TEMPO_CANDIDATES = np.geomspace(60.0, 240.0, 481)
"""Beats a minute, 0.3 % apart."""
TYPICAL_TEMPO, _TEMPO_OCTAVES = 120.0, 0.9
"""Center and width, in octaves, of the prior for the tempo."""
_TEMPO_MULTIPLES = (1, 2, 3, 4)
"""Multiples of a beat whose autocorrelation supports a tempo."""

_PITCH_CLASSES = 12
_CHROMA_HERTZ = (60.0, 4000.0)
_LOUDNESS_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BRIGHTNESS_LEVELS = (0.0, 63.0, 191.0)

STATISTICS = 4 * BANDS - 1 + _MODULATION_BANDS * 8 + 40 + 14 + 10 + 1
"""Number of statistics; the last one is the tempo in beats a minute."""


def spectrogram_statistics(image: tf.Tensor) -> tf.Tensor:
    """Compute the statistics of one song.

    Args:
        image: ``(rows, columns)`` uint8, 200 columns a second, low frequencies at the bottom.

    Returns:
        ``(STATISTICS,)`` float32, the means over the windows.
    """
    return window_statistics(statistics_windows(image))


def window_statistics(windows: tf.Tensor) -> tf.Tensor:
    """Compute the statistics of the windows of a song.

    Args:
        windows: ``(4, rows, 2400)`` uint8, from `statistics_windows`.

    Returns:
        As `spectrogram_statistics`.
    """
    # One product for bands and pitch classes, as most of the time goes into reading the pixels.
    filtered = _row_filters() @ _of_all_rows(_halve_rate(windows))
    amplitudes, pitch_classes = filtered[:, :BANDS], filtered[:, BANDS:]
    levels = tf.math.log1p(amplitudes) / math.log1p(_FULL_SCALE)
    onsets = tf.nn.relu(levels[:, :, 1:] - levels[:, :, :-1])
    autocorrelation = _autocorrelation(tf.reduce_sum(onsets, axis=1))
    by_window = [
        *_band_statistics(levels, onsets),
        _modulation_spectrum(levels),
        _interpolate(autocorrelation, _lags(_BEATS_PER_MINUTE)),
        _chroma(pitch_classes),
        _dynamics(amplitudes),
    ]
    means = tf.reduce_mean(tf.concat(by_window, axis=1), axis=0)
    tempo = estimate_tempo(tf.reduce_mean(autocorrelation, axis=0))
    return tf.ensure_shape(tf.concat([means, tempo[tf.newaxis]], axis=0), [STATISTICS])


def statistics_windows(image: tf.Tensor) -> tf.Tensor:
    """Cut the windows that the statistics are computed from.

    Args:
        image: ``(rows, columns)`` uint8.

    Returns:
        ``(4, rows, 2400)`` uint8.
    """
    columns = tf.shape(image)[1]
    # Tiling copies the whole image, even once.
    image = tf.cond(
        columns < WINDOW_COLUMNS,
        lambda: tf.tile(image, [1, -(-WINDOW_COLUMNS // columns)])[:, :WINDOW_COLUMNS],
        lambda: image,
    )
    starts = _window_starts(columns)
    return tf.stack([image[:, start : start + WINDOW_COLUMNS] for start in starts])


def window_columns(columns: tf.Tensor) -> tf.Tensor:
    """Return the image's column that each column of `statistics_windows` shows.

    Args:
        columns: scalar int32, width of the image.

    Returns:
        ``(4, 2400)`` int32.
    """
    starts = tf.stack(_window_starts(columns))
    return (starts[:, tf.newaxis] + tf.range(WINDOW_COLUMNS)) % columns


def _window_starts(columns: tf.Tensor) -> list[tf.Tensor]:
    last = tf.maximum(columns - WINDOW_COLUMNS, 0)
    return [last * index // (WINDOWS - 1) for index in range(WINDOWS)]


def _halve_rate(windows: tf.Tensor) -> tf.Tensor:
    """Average pairs of columns: ``(4, rows, 2400)`` uint8 to ``(4, rows, 1200)`` float32."""
    # Each pair is read as one number of 16 bits, which is several times faster than slices with a
    # stride of 2. Which pixel becomes the upper byte depends on the machine; the sum does not.
    pairs = tf.reshape(windows, [WINDOWS, -1, _STEPS, 2])
    both = tf.bitcast(pairs, tf.uint16)
    lower = tf.bitwise.bitwise_and(both, tf.constant(0xFF, tf.uint16))
    upper = tf.bitwise.right_shift(both, tf.constant(8, tf.uint16))
    return tf.cast(lower + upper, tf.float32) / 2


def _of_all_rows(windows: tf.Tensor) -> tf.Tensor:
    """``(4, 256, 1200)`` float32, resampled if the windows have another height."""
    windows = tf.cond(
        tf.equal(tf.shape(windows)[1], _ROWS), lambda: windows, lambda: _resample_rows(windows)
    )
    return tf.ensure_shape(windows, [WINDOWS, _ROWS, _STEPS])


def _resample_rows(windows: tf.Tensor) -> tf.Tensor:
    """Resample images of another height; the ringing below 0 is cut off."""
    columns = tf.reshape(tf.transpose(windows, [0, 2, 1]), [WINDOWS * _STEPS, -1])
    resampled = tf.reshape(fft_resample(columns, _ROWS), [WINDOWS, _STEPS, _ROWS])
    return tf.nn.relu(tf.transpose(resampled, [0, 2, 1]))


def _row_filters() -> npt.NDArray[np.float32]:
    """``(BANDS + 12, 256)``: means over the rows of a band, then sums over a pitch class."""
    # The lowest row is the last one of the image.
    band = np.arange(_ROWS)[::-1] // (_ROWS // BANDS)
    means = (np.arange(BANDS)[:, np.newaxis] == band) / (_ROWS // BANDS)
    hertz = np.geomspace(_LOWEST_HERTZ, _HIGHEST_HERTZ, _ROWS)[::-1]
    pitch_class = np.rint(_PITCH_CLASSES * np.log2(hertz / 440.0)).astype(int) % _PITCH_CLASSES
    low, high = _CHROMA_HERTZ
    is_used = (low < hertz) & (hertz < high)
    sums = (np.arange(_PITCH_CLASSES)[:, np.newaxis] == pitch_class) & is_used
    return np.concatenate([means, sums]).astype(np.float32)


def _band_statistics(levels: tf.Tensor, onsets: tf.Tensor) -> list[tf.Tensor]:
    """Mean, deviation and onset strength of each band, and contrast of adjacent bands."""
    return [
        tf.reduce_mean(levels, axis=2),
        tf.math.reduce_std(levels, axis=2),
        tf.reduce_mean(onsets, axis=2),
        tf.reduce_mean(tf.abs(levels[:, 1:] - levels[:, :-1]), axis=2),
    ]


def _modulation_spectrum(levels: tf.Tensor) -> tf.Tensor:
    """Log power of the changes of the level, by band and octave of modulation frequency."""
    centered = levels - tf.reduce_mean(levels, axis=2, keepdims=True)
    spectrum = tf.signal.rfft(centered * np.hanning(_STEPS).astype(np.float32))
    power = tf.square(tf.abs(spectrum))
    hertz = np.fft.rfftfreq(_STEPS, 1 / RATE)
    octave = np.digitize(hertz, _MODULATION_HERTZ) - 1
    mask = octave[:, np.newaxis] == np.arange(len(_MODULATION_HERTZ) - 1)
    mean = (mask / mask.sum(axis=0)).astype(np.float32)
    by_band = tf.reshape(power @ mean, [WINDOWS, _MODULATION_BANDS, BANDS // _MODULATION_BANDS, -1])
    return tf.reshape(tf.math.log(tf.reduce_mean(by_band, axis=2) + _TINY), [WINDOWS, -1])


def _autocorrelation(strength: tf.Tensor) -> tf.Tensor:
    """Unbiased autocorrelation ``(windows, steps)`` relative to lag 0; 0 without any onset."""
    steps = strength.shape[1]
    centered = strength - tf.reduce_mean(strength, axis=1, keepdims=True)
    spectrum = tf.signal.rfft(centered, [2 * _STEPS])
    power = tf.cast(tf.square(tf.abs(spectrum)), tf.complex64)
    sums = tf.signal.irfft(power, [2 * _STEPS])[:, :steps]
    unbiased = sums / np.arange(steps, 0, -1, dtype=np.float32)
    # Rounding leaves a tiny power in a song without onsets.
    variance = unbiased[:, :1]
    return tf.where(variance > 1e-9, tf.math.divide_no_nan(unbiased, variance), 0.0)


def _lags(beats_per_minute: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Time steps between beats."""
    return 60.0 * RATE / beats_per_minute


def _interpolate(values: tf.Tensor, position: npt.NDArray[np.float64]) -> tf.Tensor:
    """Values along the last axis at fractional positions, linearly interpolated."""
    before = np.floor(position).astype(np.int32)
    weight = (position - before).astype(np.float32)
    return tf.gather(values, before, axis=-1) * (1 - weight) + weight * tf.gather(
        values, before + 1, axis=-1
    )


def estimate_tempo(autocorrelation: tf.Tensor) -> tf.Tensor:
    """Find the beats a minute from the autocorrelation of the onsets.

    Args:
        autocorrelation: ``(steps,)`` relative to lag 0, 100 steps a second.

    Returns:
        Scalar float32, 60 to 240; tempos near 120 are preferred to their double and half.
    """
    lags = _lags(_TEMPO_CANDIDATES)
    support = sum(_interpolate(autocorrelation, multiple * lags) for multiple in _TEMPO_MULTIPLES)
    octaves = np.log2(_TEMPO_CANDIDATES / TYPICAL_TEMPO)
    prior = np.exp(-0.5 * (octaves / _TEMPO_OCTAVES) ** 2).astype(np.float32)
    return tf.gather(_TEMPO_CANDIDATES.astype(np.float32), tf.argmax(support * prior))


def _chroma(pitch_classes: tf.Tensor) -> tf.Tensor:
    """Amplitude of the 12 pitch classes from the strongest one up, and how much they differ."""
    share = tf.math.divide_no_nan(
        pitch_classes, tf.reduce_sum(pitch_classes, axis=1, keepdims=True)
    )
    profile = tf.reduce_mean(share, axis=2)
    # From the strongest class up, so that the key does not matter.
    strongest = tf.argmax(profile, axis=1, output_type=tf.int32)
    order = (strongest[:, tf.newaxis] + np.arange(_PITCH_CLASSES)) % _PITCH_CLASSES
    rolled = tf.gather(profile, order, batch_dims=1)
    spread = [tf.reduce_max(share, axis=1), tf.math.reduce_std(share, axis=1)]
    return tf.concat([rolled, tf.reduce_mean(tf.stack(spread, axis=1), axis=2)], axis=1)


def _dynamics(amplitudes: tf.Tensor) -> tf.Tensor:
    """Loudness over time relative to its mean, and the shares of black, bright and white."""
    loudness = tf.reduce_mean(amplitudes, axis=1)
    mean = tf.reduce_mean(loudness, axis=1, keepdims=True)
    ranks = [round(quantile * (_STEPS - 1)) for quantile in _LOUDNESS_QUANTILES]
    quantiles = tf.gather(tf.sort(loudness, axis=1), ranks, axis=1)
    brighter = [
        tf.reduce_mean(tf.cast(amplitudes > level, tf.float32), axis=[1, 2])[:, tf.newaxis]
        for level in _BRIGHTNESS_LEVELS
    ]
    deviation = tf.math.reduce_std(loudness, axis=1, keepdims=True)
    return tf.concat(
        [
            tf.math.log1p(mean),
            tf.math.divide_no_nan(deviation, mean),
            tf.math.divide_no_nan(quantiles, mean),
            *brighter,
        ],
        axis=1,
    )
