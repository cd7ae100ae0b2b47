"""An explanation as one HTML file that needs no other: figures, and the numbers as tables."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from pipelines.io import write_atomically
from songpop_tf.explanation.explain import Explanation
from songpop_tf.explanation.history import HistoryEffect
from songpop_tf.explanation.occlusion import HIGHEST_HERTZ, LOWEST_HERTZ
from songpop_tf.explanation.page_charts import (
    Bar,
    band_chart,
    bar_chart,
    curve_chart,
    waterfall_chart,
)
from songpop_tf.explanation.spectrogram_image import spectrogram_image
from songpop_tf.explanation.text import (
    band_name,
    hertz_text,
    history_heading,
    history_song_name,
    place_text,
    points_text,
    segment_name,
    song_name,
    time_text,
)
from songpop_tf.serving.predictor import Prediction

_STYLE = (Path(__file__).parent / "page.css").read_text("utf-8")
_TIME_MARKS = 6
_MARKED_HERTZ = (HIGHEST_HERTZ, (HIGHEST_HERTZ * LOWEST_HERTZ) ** 0.5, LOWEST_HERTZ)
"""At the top, in the middle and at the bottom of the spectrogram."""


def write_page(explanation: Explanation, path: Path) -> None:
    """Write an explanation as an HTML file."""
    with write_atomically(path) as temporary:
        temporary.write_text(explanation_page(explanation), "utf-8")


def explanation_page(explanation: Explanation) -> str:
    """The page as a text; it loads nothing from anywhere."""
    name = song_name(explanation.song) or "Unnamed song"
    header = prediction_header(name, explanation.prediction, place_text(explanation))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Why: {escape(name)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join([header, *explanation_sections(explanation)])
        + "\n</main>\n</body>\n</html>\n"
    )


def explanation_sections(explanation: Explanation) -> list[str]:
    """The waterfall, words, other songs and the sound, as far as known, each a ``<section>``."""
    sections = [_waterfall_section(explanation)]
    if explanation.words:
        sections.append(_words_section(explanation))
    if explanation.history.songs:
        sections.append(_history_section(explanation.history))
    if explanation.png is not None:
        sections.append(_sound_section(explanation, explanation.png))
    return sections


def prediction_header(name: str, prediction: Prediction, place: str) -> str:
    """The song's name, its popularity and interval, and its place; "" if that is not known."""
    popularity, low, high = prediction
    return (
        f'<header>\n<h1 dir="auto">{escape(name)}</h1>\n'
        f'<p class="number">{popularity:.0f}<span> of 100</span></p>\n'
        f"<p>90 % interval: {low:.0f} to {high:.0f}"
        + (f". {escape(place[0].upper() + place[1:])}." if place else ".")
        + "</p>\n</header>"
    )


def _waterfall_section(explanation: Explanation) -> str:
    fields, prediction = explanation.fields, explanation.prediction
    rows = [
        (field, points_text(change), points_text(fields.shapley[field]))
        for field, change in fields.waterfall.items()
    ]
    rows = [
        ("nothing known", f"{fields.nothing_known:.1f}", ""),
        *rows,
        ("prediction", f"{prediction.popularity:.1f}", ""),
    ]
    return _section(
        "What stands behind the number",
        "From what the model predicts if it knows nothing, the changes as year, artist, title and "
        "sound become known.",
        waterfall_chart(fields.nothing_known, fields.waterfall, prediction),
        _table(("field", "points", "Shapley value: mean over all orders"), rows),
    )


def _words_section(explanation: Explanation) -> str:
    bars = [Bar(word.word, word.field, word.effect) for word in explanation.words]
    rows = [(bar.label, bar.note, f"{bar.effect:+.2f}") for bar in bars]
    return _section(
        "Words and year",
        "The prediction, minus the prediction without the word. A word of the artist is part of "
        "the name by which the artist's other songs are found.",
        bar_chart(bars),
        _table(("word", "field", "points"), rows),
    )


def _history_section(history: HistoryEffect) -> str:
    bars = [Bar(history_song_name(song), "", song.effect) for song in history.songs]
    rows = [(bar.label, f"{bar.effect:+.2f}") for bar in bars]
    return _section(
        "The artists' other songs",
        f"{history_heading(history)}. Each bar: the prediction minus that without the song. "
        "The song's popularity is compared with that of other songs of its year.",
        bar_chart(bars),
        _table(("song", "points"), rows),
    )


def _sound_section(explanation: Explanation, png: bytes) -> str:
    segments, bands = explanation.segments, explanation.bands
    buffer = io.BytesIO()
    spectrogram_image(png).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    seconds = segments[-1].end
    image = (
        f'<figure class="sound" data-seconds="{seconds:.3f}">\n'
        + curve_chart(segments)
        + f'<div class="picture"><img src="data:image/png;base64,{data}" alt="Spectrogram of '
        f"{time_text(seconds)}, {hertz_text(LOWEST_HERTZ)} at the bottom to "
        f'{hertz_text(HIGHEST_HERTZ)} at the top"></div>\n'
        + '<div class="hertz" aria-hidden="true">'
        + "".join(f"<span>{hertz_text(hertz)}</span>" for hertz in _MARKED_HERTZ)
        + "</div>\n"
        + band_chart(bands)
        + '<ol class="times" aria-hidden="true">'
        + "".join(
            f"<li>{time_text(round(seconds * mark / _TIME_MARKS))}</li>"
            for mark in range(_TIME_MARKS + 1)
        )
        + "</ol>\n</figure>"
    )
    rows = [(segment_name(one), f"{one.effect:+.2f}") for one in segments]
    band_rows = [(band_name(one), f"{one.effect:+.2f}") for one in bands]
    return _section(
        "Seconds and frequencies",
        "The prediction, minus the prediction with this part of the spectrogram covered. Above: "
        "moments of the song; at the side: frequency bands.",
        image,
        _table(("time", "points"), rows) + _table(("frequencies", "points"), band_rows),
    )


def _section(heading: str, caption: str, chart: str, tables: str) -> str:
    return (
        f"<section>\n<h2>{escape(heading)}</h2>\n<p>{escape(caption)}</p>\n{chart}\n"
        f"<details><summary>Numbers</summary>\n{tables}\n</details>\n</section>"
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "\n".join(
        f'<tr><th scope="row" dir="auto">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )
