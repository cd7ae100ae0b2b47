"""One song: what is known of it, and the picture of its sound."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from pipelines.constants import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR
from pipelines.errors import InputError


@dataclass(frozen=True)
class Song:
    """The known inputs of a song; "", None and year 0 mean unknown.

    Raises:
        InputError: an impossible year, control characters, or nothing known at all.
    """

    artist: str = ""
    title: str = ""
    year: int = UNKNOWN_YEAR
    spectrogram: Path | None = None
    audio: Path | None = None

    def __post_init__(self) -> None:
        # A str is as good as a Path to callers from Python.
        for name in ("spectrogram", "audio"):
            if file := getattr(self, name):
                object.__setattr__(self, name, Path(file))
        if self.year != UNKNOWN_YEAR and not FIRST_YEAR <= self.year <= LAST_YEAR:
            raise InputError(
                f"year: expected a year from {FIRST_YEAR} to {LAST_YEAR}, or none if it is "
                f"unknown; received {self.year}"
            )
        for name, text in (("artist", self.artist), ("title", self.title)):
            # Python decodes bytes of an argument that are not UTF-8 to surrogates (Cs).
            if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
                raise InputError(
                    f"{name}: expected text in UTF-8 without control characters, received {text!r}"
                )
        if self.spectrogram and self.audio:
            raise InputError("expected a spectrogram or a sound file, received both")
        if not (self.has_metadata or self.image_file):
            raise InputError(
                "expected an artist, a title, a year, a spectrogram or a sound file, received none"
            )

    @property
    def image_file(self) -> Path | None:
        """The file that shows how the song sounds: its spectrogram, or its audio."""
        return self.spectrogram or self.audio

    @property
    def has_metadata(self) -> bool:
        """Whether the artist, the title or the year is known."""
        return bool(self.artist.strip() or self.title.strip() or self.year != UNKNOWN_YEAR)

    @property
    def input_branch(self) -> str:
        """The branch that reads exactly the known inputs: a key of ``FALLBACKS``."""
        if self.image_file is None:
            return "text"
        return "combined" if self.has_metadata else "cnn"


def load_png(song: Song) -> bytes | None:
    """The PNG file of a song's spectrogram, drawn from its audio if need be.

    Raises:
        InputError: the sound file cannot be decoded.
    """
    if song.audio is not None:
        from pipelines.audio.audio_spectrogram import audio_spectrogram, encode_png

        return encode_png(audio_spectrogram(song.audio))
    return None if song.spectrogram is None else song.spectrogram.read_bytes()
