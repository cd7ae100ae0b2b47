"""Characters, as TensorFlow Text and RE2 tell them apart."""

import unicodedata

WHITE_SPACE = " \t\n\v\f\r"
"""ASCII's only."""
_FILLERS = "\u115f\u1160"


def case_fold(text: str) -> str:
    """Unicode's NFKC_Casefold: no case, no compatibility variants, no invisible characters."""
    folded = unicodedata.normalize("NFKC", text.casefold())
    folded = unicodedata.normalize("NFKC", folded.casefold())
    return "".join(
        char for char in folded if unicodedata.category(char) != "Cf" and char not in _FILLERS
    )


def without_marks(decomposed: str) -> str:
    """Remove combining marks from a text that is decomposed already."""
    return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")
