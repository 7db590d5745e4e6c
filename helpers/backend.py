"""Keras, without the notices that its start-up would write into the middle of a page.

The helpers take Keras from here, ``from helpers.backend import keras``, because TensorFlow 2.21
prints notices while it is imported that no setting silences.
"""

import os
import sys
import tempfile
from contextlib import contextmanager


@contextmanager
def _notices_held_back():
    """Hold back what is written to the standard error stream; show it if the block fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            yield
        except BaseException:
            notices.seek(0)
            os.write(kept, notices.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with _notices_held_back():
    import keras as keras  # the name others import
