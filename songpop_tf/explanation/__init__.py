"""Why a song is predicted as it is: fields, words, seconds and frequency bands."""
