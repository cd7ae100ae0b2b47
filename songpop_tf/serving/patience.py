"""Ask a server again that is starting, busy, or out of reach for a moment."""

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pipelines.errors import InputError

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 60.0
ATTEMPTS = 5
LONGEST_PAUSE = 8.0


class UnavailableError(InputError):
    """A server did not answer, for a reason that may pass."""


patiently = retry(
    retry=retry_if_exception_type(UnavailableError),
    # Pauses grow from half a second; drawn at random, so that clients do not come back together.
    wait=lambda state: wait_random_exponential(multiplier=0.5, max=LONGEST_PAUSE)(state),
    stop=stop_after_attempt(ATTEMPTS),
    reraise=True,
)
"""Makes a function try again after :class:`UnavailableError`; the last one is raised. A prediction
changes nothing on a server, so asking twice does no harm."""
