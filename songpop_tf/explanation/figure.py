"""An explanation as a figure: the curve over the spectrogram, bands, words and the waterfall."""

import io
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from pipelines.io import write_atomically
from pipelines.spectrograms.widths import COLUMNS_PER_SECOND
from songpop_tf.explanation.explain import Explanation
from songpop_tf.explanation.occlusion import HIGHEST_HERTZ, LOWEST_HERTZ
from songpop_tf.explanation.spectrogram_image import spectrogram_image
from songpop_tf.explanation.text import hertz_text, place_text, points_text, song_name, time_text
from songpop_tf.plotting import figure_style, new_figure

DPI = 150
RAISES, LOWERS, NEUTRAL = "#2a6f97", "#c8553d", "#9aa5b1"
"""Colors of effects above and below 0, and of what is no effect."""

_WIDTH = 11.0
_MAX_WORDS, _MAX_WORD_LENGTH = 14, 22
_TITLE_WIDTH, _TITLE_LINES = 80, 2
_TICKS_HERTZ = (30, 100, 300, 1000, 3000, 12_000)
_FALLBACK_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Source Han Sans",
    "WenQuanYi Micro Hei",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Hiragino Sans",
    "Arial Unicode MS",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
)
"""Fonts for characters that DejaVu Sans lacks, of Linux, macOS and Windows."""


def write_figure(explanation: Explanation, path: Path) -> None:
    """Draw an explanation and write it as a PNG file.

    Characters that no installed font has are drawn as boxes.
    """
    # Rasterizing reports such characters; `missing_characters` tells them in one line.
    with warnings.catch_warnings(), figure_style(9), write_atomically(path) as temporary:
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        plot_explanation(explanation).savefig(temporary, format="png", dpi=DPI)


def missing_characters(explanation: Explanation) -> str:
    """The characters of artist and title that no installed font of the figure has."""
    fonts = [
        font_manager.get_font(font_manager.findfont(family, fallback_to_default=False))
        for family in _families()
    ]
    text = explanation.song.artist + explanation.song.title
    return "".join(
        character
        for character in dict.fromkeys(text)
        if not character.isspace()
        and not any(font.get_char_index(ord(character)) for font in fonts)
    )


def _families() -> list[str]:
    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(family for family in _FALLBACK_FONTS if family in installed)]


def plot_explanation(explanation: Explanation) -> Figure:
    """Draw an explanation; without sound, the words and the waterfall alone."""
    has_sound = explanation.png is not None
    words = min(len(_metadata_bars(explanation)), _MAX_WORDS)
    lower = max(2.2, 0.9 + 0.24 * max(words, len(explanation.fields.waterfall) + 2))
    heights = [1.5, 2.6, lower] if has_sound else [lower]
    figure = new_figure(_WIDTH, sum(heights) + 1.1)
    figure.set_layout_engine("constrained", rect=(0.01, 0.01, 0.98, 0.98))
    grid = GridSpec(len(heights), 2, figure, height_ratios=heights, width_ratios=[3.6, 1])
    families = _families()
    if has_sound:
        _draw_sound(figure, grid, explanation)
    lower_grid = grid[-1, :].subgridspec(1, 2, width_ratios=[1, 1])
    _draw_metadata(figure.add_subplot(lower_grid[0]), explanation, families)
    _draw_waterfall(figure.add_subplot(lower_grid[1]), explanation)
    figure.suptitle(_heading(explanation), x=0.012, ha="left", fontsize=12, family=families)
    return figure


def _heading(explanation: Explanation) -> str:
    popularity, low, high = explanation.prediction
    name = textwrap.wrap(song_name(explanation.song), _TITLE_WIDTH) or ["Unnamed song"]
    if len(name) > _TITLE_LINES:
        name = [*name[: _TITLE_LINES - 1], name[_TITLE_LINES - 1][: _TITLE_WIDTH - 1] + "…"]
    number = f"Popularity {popularity:.0f}, 90 % interval {low:.0f} to {high:.0f}"
    return "\n".join(filter(None, [*name, number, place_text(explanation)]))


def _draw_sound(figure: Figure, grid: GridSpec, explanation: Explanation) -> None:
    curve = figure.add_subplot(grid[0, 0])
    picture = figure.add_subplot(grid[1, 0], sharex=curve)
    bands = figure.add_subplot(grid[1, 1], sharey=picture)
    _draw_curve(curve, explanation)
    _draw_spectrogram(picture, explanation)
    _draw_bands(bands, explanation)


def _draw_curve(axes: Axes, explanation: Explanation) -> None:
    starts = np.array([segment.start for segment in explanation.segments])
    effects = np.array([segment.effect for segment in explanation.segments])
    edges = np.append(starts, explanation.segments[-1].end)
    for shown, color in ((effects.clip(min=0), RAISES), (effects.clip(max=0), LOWERS)):
        axes.stairs(shown, edges, fill=True, color=color, lw=0)
    axes.axhline(0, color=NEUTRAL, lw=0.8)
    axes.set_title("Each moment: points that it raises or lowers the prediction", loc="left")
    axes.set_ylabel("points")
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelbottom=False)


def _draw_spectrogram(axes: Axes, explanation: Explanation) -> None:
    if explanation.png is None:
        raise ValueError("png: expected a spectrogram, received None")
    image = spectrogram_image(explanation.png)
    with Image.open(io.BytesIO(explanation.png)) as file:
        seconds = file.width / COLUMNS_PER_SECOND
    # The rows are evenly spaced in the logarithm of frequency.
    extent = (0.0, seconds, np.log10(LOWEST_HERTZ), np.log10(HIGHEST_HERTZ))
    axes.imshow(np.asarray(image), aspect="auto", extent=extent)
    axes.set_yticks([np.log10(hertz) for hertz in _TICKS_HERTZ], map(hertz_text, _TICKS_HERTZ))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: time_text(value)))
    axes.xaxis.set_major_locator(MaxNLocator(9, steps=[1, 1.5, 2, 3, 6, 10]))
    axes.set_xlim(0, seconds)
    axes.set_xlabel("minutes:seconds")


def _draw_bands(axes: Axes, explanation: Explanation) -> None:
    low, high = (
        np.log10([getattr(band, end) for band in explanation.bands]) for end in ("low", "high")
    )
    effects = [band.effect for band in explanation.bands]
    axes.barh((low + high) / 2, effects, 0.86 * (high - low), color=_colors(effects))
    axes.axvline(0, color=NEUTRAL, lw=0.8)
    axes.set_title("Each frequency band", loc="left", fontsize="medium")
    axes.set_xlabel("points")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelleft=False)


def _colors(effects: Sequence[float]) -> list[str]:
    return [RAISES if effect >= 0 else LOWERS for effect in effects]


def _draw_metadata(axes: Axes, explanation: Explanation, families: list[str]) -> None:
    axes.set_title("Words, year, other songs: points lost without them", loc="left")
    bars = _metadata_bars(explanation)
    if not bars:
        axes.text(0.0, 0.9, "no artist, title or year is known", transform=axes.transAxes)
        axes.set_axis_off()
        return
    if len(bars) > _MAX_WORDS:
        axes.set_xlabel(f"points; the {_MAX_WORDS} largest of {len(bars)} effects")
        smallest = sorted((abs(effect) for _, effect in bars), reverse=True)[_MAX_WORDS - 1]
        bars = [bar for bar in bars if abs(bar[1]) >= smallest][:_MAX_WORDS]
    else:
        axes.set_xlabel("points")
    labels, effects = [label for label, _ in bars], [effect for _, effect in bars]
    axes.barh(range(len(bars)), effects, color=_colors(effects), height=0.7)
    axes.set_yticks(range(len(bars)), labels, family=families)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    _label_bars(axes, [0.0] * len(bars), effects)


def _metadata_bars(explanation: Explanation) -> list[tuple[str, float]]:
    """Label and effect of each word, of the year, and of the artists' other songs together."""
    bars = [(f"{_shortened(word.word)}  ({word.field})", word.effect) for word in explanation.words]
    if count := explanation.history.song_count:
        sound = "" if explanation.png is None else ", sound left out"
        label = f"{count:,} other song{'s' if count > 1 else ''}  (artist{sound})"
        bars.append((label, explanation.history.effect))
    return bars


def _shortened(word: str) -> str:
    return word if len(word) <= _MAX_WORD_LENGTH else word[: _MAX_WORD_LENGTH - 1] + "…"


def _label_bars(axes: Axes, starts: Sequence[float], changes: Sequence[float]) -> None:
    """Write each change beyond the end of its bar, and make room for it."""
    ends = [start + change for start, change in zip(starts, changes, strict=True)]
    low, high = min([0.0, *ends, *starts]), max([0.0, *ends, *starts])
    if not any(starts):
        margin = 0.22 * max(high - low, 1.0)
        axes.set_xlim(low - (margin if low < 0 else 0.04 * margin), high + margin)
    axes.axvline(0, color=NEUTRAL, lw=0.8)
    for row, (end, change) in enumerate(zip(ends, changes, strict=True)):
        axes.annotate(
            points_text(change),
            (end, row),
            xytext=(4 if change >= 0 else -4, 0),
            textcoords="offset points",
            ha="left" if change >= 0 else "right",
            va="center",
        )


def _draw_waterfall(axes: Axes, explanation: Explanation) -> None:
    fields, (popularity, low, high) = explanation.fields, explanation.prediction
    changes = list(fields.waterfall.values())
    starts = [fields.nothing_known + sum(changes[:index]) for index in range(len(changes))]
    last = len(changes) + 1
    axes.barh(0, fields.nothing_known, color=NEUTRAL, height=0.6)
    axes.barh(range(1, last), changes, left=starts, color=_colors(changes), height=0.6)
    axes.barh(last, popularity, color=NEUTRAL, height=0.6)
    axes.errorbar(
        popularity, last, xerr=[[popularity - low], [high - popularity]], color="#333333", capsize=3
    )
    for row, end in enumerate([fields.nothing_known, *np.add(starts, changes)]):
        axes.plot([end, end], [row - 0.3, row + 1.3], color=NEUTRAL, lw=0.8)
    for row, (start, change) in enumerate(zip(starts, changes, strict=True), start=1):
        axes.text(max(start, start + change) + 1.5, row, points_text(change), va="center")
    axes.text(fields.nothing_known + 1.5, 0, f"{fields.nothing_known:.1f}", va="center")
    axes.text(high + 1.5, last, f"{popularity:.1f}  ({low:.0f} to {high:.0f})", va="center")
    names = [f"+ {field}" for field in fields.waterfall]
    axes.set_yticks(range(last + 1), ["nothing known", *names, "prediction"])
    axes.set_ylim(last + 0.6, -0.6)
    axes.set_xlim(0, 118)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("popularity; line: 90 % interval")
    axes.set_title("What stands behind the number", loc="left")
