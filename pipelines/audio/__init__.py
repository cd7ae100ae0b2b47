"""From sound files to the spectrograms of the data set."""
