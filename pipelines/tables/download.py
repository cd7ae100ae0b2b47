"""Download the two Kaggle data sets."""

import tarfile
import zipfile
from pathlib import Path

import kagglehub
import requests

from pipelines.errors import InputError

SPECTROGRAMS = "tpapp157/billboard-hot-100-19602020-spectrograms"
TRACKS = "yamaerenay/spotify-dataset-19212020-600k-tracks"

_DOWNLOAD_ERRORS = (
    requests.RequestException,
    kagglehub.exceptions.KaggleApiHTTPError,
    kagglehub.exceptions.DataCorruptionError,
    # An archive that cannot be unpacked.
    ValueError,
    zipfile.BadZipFile,
    tarfile.TarError,
)
_MANUAL_INSTRUCTIONS = (
    "To install the data by hand: download https://www.kaggle.com/datasets/{spectrograms} and "
    "https://www.kaggle.com/datasets/{tracks} in a browser, unpack the first into "
    "{directory}/spectrograms and put tracks.csv of the second into {directory}/tracks."
).format


def download_datasets(directory: Path) -> tuple[Path, Path]:
    """Download both data sets into ``directory`` through kagglehub (13 GB).

    Returns:
        The folder of the spectrograms and the tracks table.

    Raises:
        InputError: Kaggle cannot be reached or requires credentials; the message explains the
            download by hand.
    """
    targets = {SPECTROGRAMS: directory / "spectrograms", TRACKS: directory / "tracks"}
    for handle, target in targets.items():
        try:
            kagglehub.dataset_download(handle, output_dir=str(target))
        except FileExistsError:
            raise InputError(
                f"{target}: expected an empty folder or a finished download, received other files; "
                "continue with `songpop-tf prepare` if you unpacked them by hand, else remove them"
            ) from None
        except _DOWNLOAD_ERRORS as error:
            instructions = _MANUAL_INSTRUCTIONS(
                spectrograms=SPECTROGRAMS, tracks=TRACKS, directory=directory
            )
            raise InputError(f"could not download {handle}: {error}. {instructions}") from error
    return targets[SPECTROGRAMS], targets[TRACKS] / "tracks.csv"
