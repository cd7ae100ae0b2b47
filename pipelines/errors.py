"""The error that means "the input is wrong", as opposed to "the program is wrong"."""


class InputError(ValueError):
    """A file, row or option that cannot be used.

    The message is one line that names the file or row, says what was expected and what was
    received. The command line prints it without a traceback and exits with 1.
    """
