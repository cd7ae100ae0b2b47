"""Packages that are not installed with the program: its extras."""

from importlib.util import find_spec

from pipelines.errors import InputError


def require_extra(setting: str, module: str, extra: str) -> None:
    """Check that a package of an extra is installed, without importing it.

    Args:
        setting: what needs the package, for the message.
        module: name of the package as it is imported.
        extra: name of the extra.

    Raises:
        InputError: it is not installed.
    """
    if find_spec(module) is None:
        raise InputError(
            f"{setting}: expected the package {module} to be installed, received none; "
            f"pip install 'songpop-tf[{extra}]'"
        )
