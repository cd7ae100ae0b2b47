"""The charts of the HTML page: SVG whose colors follow the page's style sheet."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from songpop_tf.explanation.occlusion import BandEffect, SegmentEffect
from songpop_tf.explanation.text import band_name, points_text, segment_name
from songpop_tf.serving.predictor import Prediction

_MIN_SCALE = 0.5
"""Points of the longest bar at least: smaller effects are not blown up."""


class Bar(NamedTuple):
    """A bar: what it stands for, a note, and its effect in points."""

    label: str
    note: str
    effect: float


def _sign(effect: float) -> str:
    return "raises" if effect >= 0 else "lowers"


def bar_chart(bars: Sequence[Bar]) -> str:
    """Horizontal bars to the left and to the right of 0, one in a row."""
    low = min(0.0, *(bar.effect for bar in bars))
    high = max(0.0, *(bar.effect for bar in bars))
    span = max(high - low, _MIN_SCALE)
    return _rows(
        [
            (
                bar.label,
                bar.note,
                (min(0.0, bar.effect) - low) / span,
                abs(bar.effect) / span,
                _sign(bar.effect),
                points_text(bar.effect),
            )
            for bar in bars
        ]
    )


def waterfall_chart(
    nothing_known: float, changes: Mapping[str, float], prediction: Prediction
) -> str:
    """Bars that begin where the one before ends, on the scale from 0 to 100."""
    rows = [("nothing known", "", 0.0, nothing_known / 100, "level", f"{nothing_known:.1f}")]
    level = nothing_known
    for field, change in changes.items():
        start = min(level, level + change) / 100
        rows.append(
            (f"+ {field}", "", start, abs(change) / 100, _sign(change), points_text(change))
        )
        level += change
    popularity, low, high = prediction
    shown = f"{popularity:.1f}"
    rows.append(("prediction", "", 0.0, popularity / 100, "level", shown))
    interval = f"{low:.0f} to {high:.0f}"
    rows.append(("90 % interval", "", low / 100, (high - low) / 100, "interval", interval))
    return _rows(rows)


def _rows(rows: Sequence[tuple[str, str, float, float, str, str]]) -> str:
    """Rows of label, note, start and length of the bar as shares of the width, style and number."""
    lines = [
        f'<div class="row"><span class="label"><bdi>{escape(label)}</bdi>'
        + (f" <small>{escape(note)}</small>" if note else "")
        + f'</span><svg class="bar" viewBox="0 0 1000 20" preserveAspectRatio="none">'
        f'<rect class="{style}" x="{1000 * start:.0f}" y="2" '
        f'width="{max(1000 * length, 2):.0f}" height="16"/></svg>'
        f'<span class="points">{escape(shown)}</span></div>'
        for label, note, start, length, style, shown in rows
    ]
    # The table of the numbers says the same to those who hear the page.
    return '<div class="bars" aria-hidden="true">\n' + "\n".join(lines) + "\n</div>"


def curve_chart(segments: Sequence[SegmentEffect]) -> str:
    """The effect of each segment over time, as wide as the spectrogram below it."""
    seconds = segments[-1].end
    largest = max(_MIN_SCALE, *(abs(segment.effect) for segment in segments))
    shapes = [
        _titled_rect(
            _sign(one.effect),
            (1000 * one.start / seconds, 50 - 48 * max(one.effect, 0.0) / largest),
            (1000 * (one.end - one.start) / seconds, 48 * abs(one.effect) / largest),
            f"{segment_name(one)}: {one.effect:+.2f}",
        )
        for one in segments
    ]
    strongest = max(segments, key=lambda segment: abs(segment.effect))
    label = (
        f"Effect of each moment, at most {largest:.1f} points either way; the largest is "
        f"{strongest.effect:+.1f} at {segment_name(strongest)}"
    )
    axis = '<line class="zero" x1="0" x2="1000" y1="50" y2="50"/>'
    scale = f'<div class="scale" aria-hidden="true"><span>+{largest:.1f}</span><span>-{largest:.1f}'
    return scale + "</span></div>" + _svg("curve", (1000, 100), label, [*shapes, axis])


def band_chart(bands: Sequence[BandEffect]) -> str:
    """The effect of each band, as high as the spectrogram beside it."""
    low = min(0.0, *(band.effect for band in bands))
    high = max(0.0, *(band.effect for band in bands))
    scale = 100 / max(high - low, _MIN_SCALE)
    height = 100 / len(bands)
    shapes = [
        _titled_rect(
            _sign(one.effect),
            (scale * (min(0.0, one.effect) - low), 100 - height * (index + 0.93)),
            (scale * abs(one.effect), 0.86 * height),
            f"{band_name(one)}: {one.effect:+.2f}",
        )
        for index, one in enumerate(bands)
    ]
    strongest = max(bands, key=lambda band: abs(band.effect))
    label = (
        f"Effect of each frequency band; the largest is {strongest.effect:+.1f} at "
        f"{band_name(strongest)}"
    )
    zero = f'<line class="zero" x1="{-scale * low:.1f}" x2="{-scale * low:.1f}" y1="0" y2="100"/>'
    return _svg("bands", (100, 100), label, [*shapes, zero])


def _titled_rect(
    style: str, corner: tuple[float, float], size: tuple[float, float], title: str
) -> str:
    (x, y), (width, height) = corner, size
    return (
        f'<rect class="{style}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" '
        f'height="{height:.2f}"><title>{escape(title)}</title></rect>'
    )


def _svg(style: str, size: tuple[int, int], label: str, shapes: Sequence[str]) -> str:
    return (
        f'<svg class="{style}" viewBox="0 0 {size[0]} {size[1]}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(label)}">{"".join(shapes)}</svg>\n'
    )
