"""What a page defines and the library repeats is the same, and each of the two names the other."""

import ast
import functools
import inspect
import pkgutil
import re

import numpy as np
import pytest

from course import notebook
from helpers import convolution, training
from helpers.backend import keras
from inside import attribution, backend, rewire
from tests.support import ROOT
from tests.support.explained import CLASSES, chain

ROOMS = ("inside", "helpers", "chirps")
UNRELATED = {"measured"}  # accuracies on page cifar_cnn, a noise curve in chirps
RANDOM = np.random.default_rng(0)


@functools.cache
def definitions(page):
    """Return what a page imports and defines, its solutions included, by name."""
    cells = [cell.source for cell in notebook.read_source(page).cells if cell.cell_type == "code"]
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    body = [node for cell in cells for node in ast.parse(cell).body if isinstance(node, kept)]
    found = {}
    exec(compile(ast.Module(body, type_ignores=[]), f"notebooks/{page}.md", "exec"), found)
    return found


# --- how two are compared -------------------------------------------------------------------------


def correlations(ours, theirs):
    for _ in range(50):
        image = RANDOM.integers(-9, 10, RANDOM.integers(4, 9, 2))
        kernel = RANDOM.integers(-9, 10, RANDOM.integers(1, 5, 2))
        stride = int(RANDOM.integers(1, 4))
        np.testing.assert_array_equal(
            ours(image, kernel, stride), theirs(image, kernel, stride=stride)
        )


def correlations_in_all_modes(ours, theirs):
    for mode in 20 * convolution.MODES:
        image = RANDOM.normal(size=RANDOM.integers(4, 9, 2))
        kernel = RANDOM.normal(size=RANDOM.integers(1, 5, 2))
        stride = int(RANDOM.integers(1, 4))
        np.testing.assert_allclose(
            ours(image, kernel, stride, mode),
            theirs(image, kernel, stride=stride, mode=mode),
            atol=1e-12,
        )


def output_sizes(ours, theirs):
    for mode in 20 * convolution.MODES:
        k, stride = (int(x) for x in RANDOM.integers(1, 8, 2))
        n = k + int(RANDOM.integers(0, 30))
        zeros = sum(convolution.padding(n, k, stride=stride, mode=mode))
        assert ours(n, k, zeros, stride) == theirs(n, k, stride=stride, mode=mode)


def same_layers(ours, theirs):
    """Compare two networks: all settings of all layers, and the parameters of each."""
    for our_layer, their_layer in zip(ours.layers, theirs.layers, strict=True):
        assert type(our_layer) is type(their_layer)
        assert our_layer.get_config() == their_layer.get_config()
        assert our_layer.count_params() == their_layer.count_params()
        assert our_layer.output.shape == their_layer.output.shape
    assert ours.input_shape == theirs.input_shape


def networks(ours, theirs):
    same_layers(ours(), theirs())


def first_networks(ours, theirs):
    for bent in (True, False):
        same_layers(ours(dense_activation=bent), theirs(dense_activation=bent))


def cifar_networks(ours, theirs):
    for shape, classes, n_filter in (((32, 32, 3), 10, 64), ((20, 27, 1), 7, 5)):
        same_layers(ours(shape, classes, n_filter), theirs(shape, classes, n_filter))


def parameters_of_width(ours, theirs):
    n = RANDOM.integers(1, 10_000, 50)
    np.testing.assert_array_equal(ours(n), theirs(n))


def products(ours, theirs):
    for padding in ("same", "valid"):
        rows, columns, k, channels, filters = (int(x) for x in RANDOM.integers(3, 9, 5))
        rows, columns = rows + k, columns + k
        network = keras.Sequential([keras.Input((rows, columns, channels))])
        network.add(keras.layers.Conv2D(filters, k, padding=padding))
        [cost] = theirs(network)
        assert ours(rows, columns, k, channels, filters, padding) == cost.multiply_adds


def rates(ours, theirs):
    recipe = training.Recipe(epochs=10, learning_rate=5e-3, decay=0.9)
    for epoch in range(30):
        assert ours(epoch) == pytest.approx(theirs(recipe, epoch), rel=1e-12)


def some_images():
    return RANDOM.random((5, 12, 12, 3), dtype="float32")


def class_activation_maps(ours, theirs):
    network, images = chain(), keras.ops.convert_to_tensor(some_images())
    body, head = rewire.split_at(network, "pool2")
    features = body(images)
    slopes, _ = backend.gradient(lambda maps: head([images, maps])[:, 1], features)
    features, slopes = map(keras.ops.convert_to_numpy, (features, slopes))
    by_hand = [ours(*one) for one in zip(features, slopes, strict=True)]
    np.testing.assert_allclose(by_hand, theirs(network, images, 1, "pool2"), rtol=1e-4, atol=1e-7)


def ways_from_a_baseline(ours, theirs):
    network, (image, baseline, *_), steps = chain(), some_images(), 8
    shares = (np.arange(steps) + 0.5).reshape(-1, 1, 1, 1) / steps
    slopes = attribution.saliency(network, baseline + shares * (image - baseline), 2)
    np.testing.assert_allclose(
        ours(slopes, image, baseline),
        theirs(network, image[np.newaxis], 2, baseline, steps)[0],
        rtol=1e-3,
        atol=1e-6,
    )


def rank_correlations(ours, theirs):
    a, b = RANDOM.normal(size=(2, 20, 5, 7))
    np.testing.assert_allclose([ours(*pair) for pair in zip(a, b, strict=True)], theirs(a, b))


def deletions(ours, theirs):
    network, images, counts = chain(), some_images(), (0, 10, 144)
    ranks = RANDOM.permuted(np.tile(np.arange(144), (5, 1)), axis=1).reshape(5, 12, 12)
    nothing = images.mean(axis=(1, 2), keepdims=True)
    for count, answers in zip(
        counts, theirs(network, images, nothing, ranks, CLASSES, counts).T, strict=True
    ):
        answered = network.predict(ours(images, ranks, count, nothing), verbose=0)
        np.testing.assert_allclose(answered[np.arange(5), CLASSES], answers, rtol=1e-5)


def shares_inside(ours, theirs):
    maps, masks = RANDOM.normal(size=(9, 6, 7)), RANDOM.random((9, 6, 7)) < 0.4
    by_hand = [ours(*pair) for pair in zip(maps, masks, strict=True)]
    np.testing.assert_allclose(by_hand, theirs(maps, masks) / masks.mean(axis=(1, 2)))


def efficiencies(ours, theirs):
    snr, scores = RANDOM.uniform(4, 20, 500), RANDOM.normal(size=500)
    edges = np.array([4, 6, 9, 13, 20])
    np.testing.assert_allclose(
        ours(snr, scores, 0.3, edges), theirs(scores > 0.3, snr, edges).efficiency
    )


# --- the table ------------------------------------------------------------------------------------

PAIRS = [  # page, its function, the library's, how they are compared
    ("convolution", "cross_correlate", "helpers.convolution.cross_correlate", correlations),
    (
        "convolution",
        "my_correlate",
        "helpers.convolution.cross_correlate",
        correlations_in_all_modes,
    ),
    ("convolution", "output_size", "helpers.convolution.output_size", output_sizes),
    ("cifar_cnn", "cifar_cnn", "helpers.models.cifar_cnn", cifar_networks),
    ("cifar_cnn", "count", "helpers.models.cifar_parameters", parameters_of_width),
    ("cifar_cnn", "convolution_products", "helpers.models.layer_costs", products),
    ("first_cnn", "make_model", "helpers.models.first_cnn", first_networks),
    ("first_cnn", "my_rate", "helpers.training.Recipe.learning_rate_at", rates),
    ("inside_the_network", "grad_cam", "inside.attribution.grad_cam", class_activation_maps),
    (
        "inside_the_network",
        "integrated_gradients",
        "inside.attribution.integrated_gradients",
        ways_from_a_baseline,
    ),
    ("inside_the_network", "rank_correlation", "inside.trust.rank_correlation", rank_correlations),
    ("inside_the_network", "deleted", "inside.trust.replacement_curve", deletions),
    ("inside_the_network", "against_chance", "inside.trust.share_inside", shares_inside),
    ("gw_classifier", "homework_network", "helpers.models.gw_cnn", networks),
    ("gw_classifier", "scanning_network", "helpers.models.gw_scan", networks),
    ("gw_classifier", "found_per_bin", "chirps.efficiency.curve", efficiencies),
]
each_pair = pytest.mark.parametrize(
    ("page", "name", "library", "compare"), PAIRS, ids=[f"{p}.{n}" for p, n, *_ in PAIRS]
)


@each_pair
def test_both_definitions_give_the_same(page, name, library, compare):
    compare(definitions(page)[name], pkgutil.resolve_name(library))


@each_pair
def test_each_names_the_other(page, name, library, compare):
    cells = notebook.read_source(page).cells
    prose = " ".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert f"`{library}`" in prose, f"notebooks/{page}.md does not say where {name} is kept"
    said = inspect.getdoc(pkgutil.resolve_name(library))
    assert f"notebooks/{page}.md" in said, f"{library} does not say where it was defined"


def library_functions():
    """Yield the dotted name and the docstring of every public function of the library."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if module.startswith("helpers.checks"):
                continue
            nodes = ast.parse(path.read_text(encoding="utf-8")).body
            nodes += [
                method for node in nodes if isinstance(node, ast.ClassDef) for method in node.body
            ]
            for node in nodes:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    yield module, node.name, ast.get_docstring(node) or ""


def test_the_table_misses_no_link():
    told = {
        (page, module, name)
        for module, name, said in library_functions()
        for page in re.findall(r"notebooks/(\w+)\.md", said)
    }
    known = set()
    for page, _, library, _ in PAIRS:
        path, name = library.rsplit(".", 1)
        known.add((page, path.removesuffix(".Recipe"), name))
    assert told == known


@pytest.mark.parametrize("page", notebook.pages())
def test_a_page_gives_no_other_meaning_to_a_name_of_the_library(page):
    """Whatever bears the library's name is in the table above."""
    names = {name for _, name, _ in library_functions()}
    cells = [cell.source for cell in notebook.read_source(page).cells if cell.cell_type == "code"]
    defined = {
        node.name
        for cell in cells
        for node in ast.parse(cell).body
        if isinstance(node, ast.FunctionDef)
    }
    assert defined & names <= {name for p, name, *_ in PAIRS if p == page} | UNRELATED
