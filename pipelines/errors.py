"""The error of an unusable input, as opposed to an error of the program."""


class InputError(ValueError):
    """A file, row or option that cannot be used.

    The message is one line that names the file, row or option, what was expected and what was
    received. The command line prints it without a traceback and exits with 1.
    """
