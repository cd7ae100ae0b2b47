"""Functional Keras models: the two branches and the fusion model that joins them.

They consist of stock Keras and KerasHub layers only, so ``keras.models.load_model`` opens a saved
model without custom objects.
"""

from songpop_tf.models.fusion_model import fusion_model
from songpop_tf.models.metadata_encoder import metadata_encoder
from songpop_tf.models.spectrogram_cnn import spectrogram_cnn

__all__ = ["fusion_model", "metadata_encoder", "spectrogram_cnn"]
