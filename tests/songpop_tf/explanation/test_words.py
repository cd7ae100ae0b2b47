"""Variants of a song without one word."""

from songpop_tf.explanation.words import word_effects, word_variants
from songpop_tf.serving.predictor import Prediction
from songpop_tf.serving.song import Song
from songpop_tf.serving.variants import Variant


def test_each_word_and_the_year_are_left_out() -> None:
    song = Song("Fleetwood Mac", "Go  Your Own Way", 1977)
    whole = Variant(song.artist, song.title, song.year)
    variants = word_variants(song, whole)
    assert [(one.field, one.word) for one in variants] == [
        ("artist", "Fleetwood"),
        ("artist", "Mac"),
        ("title", "Go"),
        ("title", "Your"),
        ("title", "Own"),
        ("title", "Way"),
        ("year", "1977"),
    ]
    assert variants[0].variant == Variant("Mac", song.title, 1977)
    assert variants[3].variant == Variant("Fleetwood Mac", "Go Own Way", 1977)
    assert variants[-1].variant == Variant("Fleetwood Mac", song.title, 0)
    predictions = {one.variant: Prediction(50.0, 0, 100) for one in variants}
    predictions[variants[1].variant] = Prediction(30.0, 0, 100)
    effects = word_effects(variants, predictions, 50.0)
    assert [effect.effect for effect in effects] == [0, 20, 0, 0, 0, 0, 0]


def test_only_word_leaves_the_field_unknown() -> None:
    (variant,) = word_variants(Song(title="Halo"), Variant(title="Halo"))
    assert variant.variant == Variant()
