"""The input of the synthesizer: the audible attributes of one song."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AudioAttributes:
    """The audio features that a synthetic song has, in the names and units of Spotify.

    Attributes:
        tempo: beats per minute, above 0.
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
