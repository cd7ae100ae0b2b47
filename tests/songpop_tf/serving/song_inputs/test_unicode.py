"""Case folding of every character."""

import sys
import unicodedata

from pipelines.tensorflow_text import import_tensorflow_text
from songpop_tf.serving.song_inputs.unicode import case_fold, without_marks


def test_every_character_is_folded_as_by_tensorflow_text() -> None:
    # Characters that only one of the two Unicode versions has are left out with the unassigned.
    characters = [
        chr(code)
        for code in range(1, min(0x30000, sys.maxunicode))
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")
    ]
    expected = import_tensorflow_text().case_fold_utf8(characters).numpy().tolist()
    # What neither tokens nor keys keep does not matter.
    differing = [
        hex(ord(character))
        for character, folded in zip(characters, expected, strict=True)
        if without_marks(case_fold(character)) != without_marks(folded.decode())
        and unicodedata.category(character) != "Cf"
    ]
    assert not differing
