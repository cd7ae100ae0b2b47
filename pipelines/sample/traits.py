"""What a spectrogram is drawn from: the audible traits of one song."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SoundTraits:
    """The traits of a song that its drawn spectrogram shows, named and scaled as Spotify does.

    Attributes:
        tempo: beats a minute, above 0.
        key: pitch class of the tonic, 0 = C to 11 = B.
        mode: 1 = major, 0 = minor.
        loudness: mean loudness in dB, about -60 to 0.
        energy: 0 (calm) to 1 (intense).
        danceability: 0 (free rhythm) to 1 (strong, regular beat).
        acousticness: 0 (electric) to 1 (acoustic instruments only).
    """

    tempo: float
    key: int
    mode: int
    loudness: float
    energy: float
    danceability: float
    acousticness: float
