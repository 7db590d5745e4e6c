"""Networks small enough to check by hand what is said about them, and one that others explained."""

import numpy as np

from helpers.backend import keras
from tests.support import FIXTURES

layers, ops = keras.layers, keras.ops
N_CLASSES = 3
CLASSES = np.array([0, 1, 2, 1, 0])  # of the five images of the fixture `images`


def load_oracle():
    """Return what keras-vis 0.4.1 said about a network, with the network's weights."""
    with np.load(FIXTURES / "kerasvis_oracle.npz") as arrays:
        return dict(arrays)


def oracle_network(oracle):
    """Return the network that keras-vis 0.4.1 explained, its softmax left in."""
    network = keras.Sequential([keras.Input((32, 32, 3))])
    for _ in range(2):
        network.add(layers.Conv2D(8, 3, padding="same", activation="relu"))
        network.add(layers.Conv2D(8, 3, activation="relu"))
        network.add(layers.MaxPooling2D())
        network.add(layers.Dropout(0.25))
    network.add(layers.Flatten())
    network.add(layers.Dense(32, activation="relu"))
    network.add(layers.Dropout(0.5))
    network.add(layers.Dense(10, activation="softmax", name="preds"))
    network.set_weights([oracle[f"w{i:02d}"] for i in range(12)])
    return network


def chain(end="softmax", leaky=False):
    """Return a small Sequential network whose two blocks have names."""
    keras.utils.set_random_seed(7)
    network = keras.Sequential([keras.Input((12, 12, 3))], name="chain")
    for k in (1, 2):
        network.add(layers.Conv2D(4, 3, padding="same", name=f"conv{k}"))
        network.add(layers.LeakyReLU(0.2) if leaky else layers.Activation("relu", name=f"relu{k}"))
        network.add(layers.MaxPooling2D(name=f"pool{k}"))
    network.add(layers.Flatten())
    network.add(layers.Dense(8, activation="leaky_relu" if leaky else "relu"))
    network.add(layers.Dense(N_CLASSES, activation=end, name="scores"))
    return network


def branching():
    """Return a network where two layers have two consumers each."""
    keras.utils.set_random_seed(8)
    image = keras.Input((12, 12, 3), name="image")
    near = layers.Conv2D(4, 3, padding="same", activation="relu", name="near")(image)
    far = layers.Conv2D(4, 3, padding="same", activation="relu", name="far")(near)
    both = layers.Concatenate(name="both")([layers.Add()([near, far]), far])
    pooled = layers.AveragePooling2D(2, name="pool")(both)
    scores = layers.Dense(N_CLASSES, activation="softmax")(layers.Flatten()(pooled))
    return keras.Model(image, scores, name="branching")


def put_out(network, images):
    """Return what Keras itself makes of images; without a compilation, which `predict` costs."""
    return ops.convert_to_numpy(network(images, training=False))
