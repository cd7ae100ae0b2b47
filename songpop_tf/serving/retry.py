"""Retry requests to a server that is starting, busy, or briefly unreachable."""

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pipelines.errors import InputError

CONNECT_TIMEOUT, RESPONSE_TIMEOUT = 5.0, 60.0
"""Seconds."""
MAX_ATTEMPTS = 5
MAX_WAIT = 8.0
"""Seconds between two attempts."""


class UnavailableError(InputError):
    """A server did not respond, for a transient reason."""


retry_unavailable = retry(
    retry=retry_if_exception_type(UnavailableError),
    # Exponential backoff from half a second, with jitter so that clients do not return together.
    wait=lambda state: wait_random_exponential(multiplier=0.5, max=MAX_WAIT)(state),
    stop=stop_after_attempt(MAX_ATTEMPTS),
    reraise=True,
)
"""Decorator: retries a function on `UnavailableError` and raises the last one.

Predictions change nothing on a server, so a request can be repeated safely."""
