"""Types of arrays."""

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.floating]
"""One number for each song, ``(songs,)``, such as its popularity, 0-100."""
