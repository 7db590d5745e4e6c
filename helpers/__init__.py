"""What the pages of *Convolutions to Chirps* import, and students read.

Import what you need: ``from helpers import convolution, datasets, plots``.
Nothing heavy is imported here.
"""

import os

# TensorFlow writes start-up notices to the terminal, and from there into notebooks; errors still
# raise. Set the variable yourself to see them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
