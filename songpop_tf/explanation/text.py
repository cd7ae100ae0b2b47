"""An explanation in words: predict's one line, and a page for the terminal."""

from songpop_tf.explanation.explain import Explanation, FieldExplanation
from songpop_tf.explanation.history import HistoryEffect, HistorySongEffect
from songpop_tf.explanation.occlusion import BandEffect, SegmentEffect
from songpop_tf.explanation.place import Place
from songpop_tf.serving.predictor import Prediction
from songpop_tf.serving.song import Song

_NAMED_FIELDS = 2
"""Fields that the one line names."""
_MIN_POINTS = 0.5
"""An effect below this is shown as 0 and not named."""
_LISTED_SEGMENTS, _LISTED_BANDS, _LISTED_SONGS = 5, 4, 5
_BAR_WIDTH, _LABEL_WIDTH = 24, 28
PLACE_UNKNOWN = "its place among the songs of its year is not known to this model"


def interval_text(prediction: Prediction, fields: FieldExplanation | None = None) -> str:
    """The one line of `predict`, such as "67.3  (90 % interval: 49 to 86; year +21)"."""
    popularity, low, high = prediction
    parts = [f"90 % interval: {low:.0f} to {high:.0f}"]
    if fields is not None:
        if fields.place is not None:
            parts.append(f"higher than {_percent(fields.place)} of {fields.place.years}")
        ranked = sorted(fields.shapley.items(), key=lambda item: -abs(item[1]))
        named = [f"{field} {points:+.0f}" for field, points in ranked if abs(points) >= _MIN_POINTS]
        if named:
            parts.append(", ".join(named[:_NAMED_FIELDS]))
    return f"{popularity:.1f}  ({'; '.join(parts)})"


def song_name(song: Song) -> str:
    """Artist, title and year, as far as they are known."""
    year = f" ({song.year})" if song.year else ""
    return " - ".join(part for part in (song.artist, song.title) if part) + year


def place_text(explanation: Explanation) -> str:
    """The place within the year as a phrase; empty for a song without year."""
    place = explanation.fields.place
    if place is not None:
        return (
            f"higher than {_percent(place)} of the {place.songs:,} songs of {place.years} "
            "in the training data"
        )
    return PLACE_UNKNOWN if explanation.song.year else ""


def _percent(place: Place) -> str:
    return f"{100 * place.higher_than:.0f} %"


def time_text(seconds: float) -> str:
    """Minutes and seconds, such as "1:02"; with tenths if it is no whole second."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    return f"{minutes}:{rest // 10:02d}" + (f".{rest % 10}" if rest % 10 else "")


def points_text(effect: float) -> str:
    """An effect with its sign, such as "+1.2"; "0.0" if it rounds to that."""
    text = f"{effect:+.1f}"
    return "0.0" if float(text) == 0 else text


def hertz_text(hertz: float) -> str:
    """A frequency, such as "440 Hz" or "1.2 kHz"."""
    return f"{hertz / 1000:.3g} kHz" if hertz >= 1000 else f"{hertz:.0f} Hz"


def segment_name(segment: SegmentEffect) -> str:
    """The segment's time, such as "0:02 to 0:04"."""
    return f"{time_text(segment.start)} to {time_text(segment.end)}"


def band_name(band: BandEffect) -> str:
    """The band's frequencies, such as "440 Hz to 640 Hz"."""
    return f"{hertz_text(band.low)} to {hertz_text(band.high)}"


def history_heading(history: HistoryEffect) -> str:
    """Such as "23 other songs of these artists, sound left out: +6.3 together"."""
    about = "About " if history.is_sampled else ""
    songs = "1 other song" if history.song_count == 1 else f"{history.song_count:,} other songs"
    return (
        f"{about}{songs} of these artists, sound left out: {points_text(history.effect)} together"
    )


def history_song_name(song: HistorySongEffect) -> str:
    """Such as "song of 1975, 12 points above its year"."""
    points = abs(round(song.difference))
    side = "above" if song.difference >= 0 else "below"
    if not song.year:
        return f"undated song, {points} points {side} the mean"
    return f"song of {song.year}, {points} points {side} its year"


def explanation_text(explanation: Explanation) -> str:
    """A page of plain text."""
    heading = [
        song_name(explanation.song),
        interval_text(explanation.prediction),
        place_text(explanation),
    ]
    sections = ["\n".join(filter(None, heading)), _waterfall_text(explanation)]
    if explanation.words:
        sections.append(
            _bars(
                "Words: the prediction, minus the prediction without the word",
                [(f"{word.field}: {word.word}", word.effect) for word in explanation.words],
            )
        )
    if explanation.history.songs:
        songs = [(history_song_name(one), one.effect) for one in explanation.history.songs]
        title = history_heading(explanation.history)
        if len(songs) > _LISTED_SONGS:
            title += f"; the {_LISTED_SONGS} largest"
        sections.append(_bars(title, _largest(songs, _LISTED_SONGS)))
    if explanation.segments:
        segments = [(segment_name(one), one.effect) for one in explanation.segments]
        bands = [(band_name(one), one.effect) for one in explanation.bands]
        sections += [
            _bars("Times that matter most", _largest(segments, _LISTED_SEGMENTS)),
            _bars("Frequencies that matter most", _largest(bands, _LISTED_BANDS)),
        ]
    return "\n\n".join(sections)


def _waterfall_text(explanation: Explanation) -> str:
    fields = explanation.fields
    lines = [
        "What stands behind it (in brackets: Shapley value, the mean over all orders)",
        f"  {'nothing known':<{_LABEL_WIDTH}} {fields.nothing_known:6.1f}",
        *(
            f"  {'+ ' + field:<{_LABEL_WIDTH}} {points_text(change):>6}  "
            f"({points_text(fields.shapley[field])})"
            for field, change in fields.waterfall.items()
        ),
        f"  {'= prediction':<{_LABEL_WIDTH}} {explanation.prediction.popularity:6.1f}",
    ]
    return "\n".join(lines)


def _largest(effects: list[tuple[str, float]], count: int) -> list[tuple[str, float]]:
    """The largest effects, in the order in which they were given."""
    smallest = sorted((abs(effect) for _, effect in effects), reverse=True)[:count][-1]
    return [item for item in effects if abs(item[1]) >= smallest][:count]


def _bars(heading: str, effects: list[tuple[str, float]]) -> str:
    """A line for each effect, with a bar whose length is relative to the longest one."""
    longest = max(max(abs(effect) for _, effect in effects), _MIN_POINTS)
    width = max(_LABEL_WIDTH, *(len(label) for label, _ in effects))
    lines = [
        f"  {label:<{width}} {points_text(effect):>6}  "
        f"{('+' if effect > 0 else '-') * round(_BAR_WIDTH * abs(effect) / longest)}".rstrip()
        for label, effect in effects
    ]
    return "\n".join([heading, *lines])
