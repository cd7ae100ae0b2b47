"""Invented names of artists and titles of songs: pronounceable, varied, fictitious."""

import numpy as np

ONSETS = (
    *("b", "br", "c", "cl", "d", "dr", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "qu"),
    *("r", "s", "sh", "st", "t", "th", "tr", "v", "w", "z"),
)
VOWELS = ("a", "e", "i", "o", "u", "ai", "ee", "oa", "ie", "é", "ö", "á")
CODAS = ("", "", "l", "n", "r", "s", "ck", "nd", "rt", "x", "ll", "m")
ENDINGS = ("a", "o", "er", "son", "ley", "ette", "in", "us", "ñez", "ard", "ie", "man")
FIRST_NAMES = (
    *("Abel", "Ada", "Bruno", "Calla", "Dexter", "Edie", "Ferris", "Greta", "Hollis", "Inés"),
    *("Jonah", "Kit", "Lenora", "Milo", "Nadia", "Otis", "Petra", "Quincy", "Rosalind", "Silas"),
    *("Tamsin", "Ulla", "Viktor", "Willa", "Xavi", "Yusuf", "Zelda", "José", "Chloë", "René"),
)
GROUPS = (
    *("Brothers", "Sisters", "Engines", "Lanterns", "Foxes", "Orchestra", "Trio", "Union"),
    *("Parade", "Harbor", "Machine", "Choir", "Riders", "Kings", "Company", "Revue"),
)
TITLE_WORDS = (
    *("love", "night", "heart", "baby", "dance", "summer", "rain", "fire", "dream", "river"),
    *("home", "girl", "boy", "blue", "moon", "street", "city", "ghost", "sugar", "thunder"),
    *("money", "angel", "devil", "train", "road", "ocean", "mirror", "shadow", "winter", "star"),
    *("gold", "silver", "letter", "window", "garden", "radio", "tonight", "morning", "sorrow"),
    *("paradise", "lonely", "crazy", "broken", "golden", "wild", "sweet", "slow", "electric"),
    *("velvet", "honey", "diamond", "hurricane", "carousel", "café", "fever", "gravity", "magic"),
    *("telephone", "satellite", "kingdom", "stranger", "promise", "sunday", "midnight", "forever"),
    *("marble", "harvest", "lullaby", "señorita", "saxophone", "avenue", "canyon", "ember"),
    *("feather", "anthem", "compass", "ribbon", "cinema", "tangerine", "willow", "violet"),
)
# '{0}' and '{1}' are two title words, '{2}' an invented one. Words repeat across patterns, and
# no two patterns are equal without case, accents and punctuation.
TITLE_PATTERNS = (
    "{0} {1}",
    "The {0} {1}",
    "My {0} {1}",
    "{0} & {1}",
    "{0} in the {1}",
    "Don't {0} My {1}",
    "{2} {0}",
    "{0} of {2}",
    "When the {0} Meets the {1}",
    "Oh, {2} (My {0})",
    "{0}, {0}, {1}",
    "Who Took the {0}?",
)
ARTIST_PATTERNS = (
    "{first} {name}",
    "{first} {name}",
    "{name}",
    "The {name}s",
    "The {name} {group}",
    "{first} & the {name}s",
    "{name} & {second}",
    "DJ {name}",
    "{name} {group}",
)


def invented_word(rng: np.random.Generator) -> str:
    """Return one capitalized, pronounceable word of two or three syllables."""
    syllables = [
        _pick(ONSETS, rng) + _pick(VOWELS, rng) + _pick(CODAS, rng)
        for _ in range(int(rng.integers(1, 3)))
    ]
    return ("".join(syllables) + _pick(ENDINGS, rng)).capitalize()


def invented_artists(count: int, rng: np.random.Generator) -> list[str]:
    """Return `count` artist names, unique ignoring case."""
    names: dict[str, str] = {}
    while len(names) < count:
        name = _pick(ARTIST_PATTERNS, rng).format(
            first=_pick(FIRST_NAMES, rng),
            name=invented_word(rng),
            second=invented_word(rng),
            group=_pick(GROUPS, rng),
        )
        names.setdefault(name.casefold(), name)
    return list(names.values())


def invented_titles(count: int, rng: np.random.Generator) -> list[str]:
    """Return `count` titles, drawn with replacement."""
    vocabulary = [invented_word(rng) for _ in range(400)]
    pattern = rng.integers(0, len(TITLE_PATTERNS), size=count).tolist()
    words = rng.integers(0, len(TITLE_WORDS), size=(count, 2)).tolist()
    invented = rng.integers(0, len(vocabulary), size=count).tolist()
    return [
        TITLE_PATTERNS[p].format(
            TITLE_WORDS[first].capitalize(), TITLE_WORDS[second].capitalize(), vocabulary[extra]
        )
        for p, (first, second), extra in zip(pattern, words, invented, strict=True)
    ]


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(0, len(choices)))]
