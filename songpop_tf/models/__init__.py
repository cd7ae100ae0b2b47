"""Functional Keras models: the two branches and what joins them.

They are made of stock Keras and KerasHub layers only, so that ``keras.models.load_model`` opens a
saved one without any custom objects.
"""

from songpop_tf.models.fusion import fusion_model
from songpop_tf.models.metadata_encoder import metadata_encoder
from songpop_tf.models.spectrogram_cnn import spectrogram_cnn

__all__ = ["fusion_model", "metadata_encoder", "spectrogram_cnn"]
