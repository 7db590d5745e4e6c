"""Checks of page 4, inside the network: maps of several kinds, and how far to trust them."""

import numpy as np

from helpers.checks import CannotJudge, Wrong, check, quiz
from helpers.checks.answers import numbers, same
from helpers.checks.maps import (
    N_MAPS,
    alike,
    class_activations,
    equal,
    equal_but_for_scale,
    other_feature_maps,
    other_saliency_maps,
    why_shape,
)

# --- nine feature maps (2.3.1) ------------------------------------------------------------------


@check()
def feature_maps(maps, model, layer, image):
    """Judge feature maps of one image.

    Parameters
    ----------
    maps : array, shape (rows, columns, 9)
        What the first filters of the layer put out.
    model : keras.Model
    layer : str
    image : array, shape (height, width, channels)
        In the units of the network's input.

    Hints
    -----
    - The cells above do it for another layer and another image. What has to change?
    - attribution.feature_maps(model, layer, images) takes a batch of images. x_test[[k]], with two
      pairs of brackets, is a batch of one.
    - Take element 0 of what it returns, rows × columns × filters, and of that [..., :9].
    """
    from inside import attribution

    maps = numbers(maps, "the maps")
    every = attribution.feature_maps(model, layer, image[np.newaxis])[0]
    if every.ndim != 3:
        raise CannotJudge(f"{layer} has no maps. Choose a convolution or pooling layer.")
    shape = (*every.shape[:2], N_MAPS)
    if maps.shape != shape:
        why = why_shape(maps, shape, every.shape[2])
        raise Wrong(f"maps of shape {maps.shape}, expected {shape}. {why}")
    right = every[..., :N_MAPS]
    if equal(maps, right):
        return f"{N_MAPS} maps of {layer}, {shape[0]} × {shape[1]} each."
    if not maps.any():
        raise Wrong("all zeros. What does the layer put out for this image?")
    if maps.min() < 0 and equal(np.maximum(maps, 0), right):
        raise Wrong("these are the sums before the ReLU. Take the layer's output.")
    likely = other_feature_maps(model, layer, image, every)
    raise Wrong(
        next((why for why, other in likely if equal(maps, other)), None)
        or f"these are not the first {N_MAPS} maps of {layer} for this image. Same image, same "
        "weights, and pixels in the units of the network?"
    )


# --- filters that sleep -------------------------------------------------------------------------


def _activations(rng):
    """Return cases: what a layer with ReLU puts out, some of its filters dead, one nearly so."""
    found = []
    for shape in ((8, 5, 6, 7), (6, 4, 4, 6), (5, 3, 7, 4), (1, 6, 6, 5), (20, 2, 3, 3)):
        images, rows, columns, filters = shape
        values = np.maximum(rng.normal(size=shape), 0)
        values[:, :, :, 0] = 0  # dead
        asleep = rng.random((images, filters)) < 0.4
        values *= ~asleep[:, np.newaxis, np.newaxis]
        values[..., 1] = 0
        where = rng.integers(images), rng.integers(rows), rng.integers(columns)
        values[(*where, 1)] = 0.001  # awake in one pixel of one image, and hardly that
        values[..., 2] += 0.1  # awake everywhere
        found.append((values[..., rng.permutation(filters)],))
    return found


@check(cases=_activations)
def awake_share(given, activations):
    """Judge a function: on which share of the images each filter responds anywhere.

    Parameters
    ----------
    given : array, shape (filters,)
    activations : array, shape (images, rows, columns, filters)
        0 or more.

    Hints
    -----
    - When is a filter awake on one image: where all of its map is above zero, or any of it?
    - First make a table of images × filters that says who is awake where. Rows and columns are the
      axes 1 and 2.
    - The share of True in each column of a table is table.mean(axis=0); the table is
      activations.any(axis=…) with the two axes of the map.
    """
    awake = activations.max(axis=(1, 2)) > 0
    right = awake.mean(axis=0)
    lit = (activations > 0).mean(axis=(0, 1, 2))
    same(
        given,
        right,
        "the shares",
        mistakes={
            "this is the share of images on which a filter sleeps, not on which it is awake.": (
                1 - right
            ),
            "these are numbers of images. Divide by how many images there are.": awake.sum(axis=0),
            "this is the share of pixels that respond. A filter is awake on an image if any pixel "
            "responds.": lit,
            "only a map that responds everywhere counts as awake here. One pixel is enough.": (
                (activations > 0).all(axis=(1, 2)).mean(axis=0)
            ),
            "this says which filters are dead. Asked is on which share of the images each is "
            "awake.": right == 0,
            "this says which filters ever respond. Asked is on which share of the images.": (
                right > 0
            ),
            "this has a row for every image. Take the mean over the images.": awake,
            "this is one number per image. Asked is one number per filter.": awake.mean(axis=1),
            "this is the mean response. Asked is how often there is any.": activations.mean(
                axis=(0, 1, 2)
            ),
            "faint responses are missing. Whatever is above zero counts, be it small.": (
                (activations.max(axis=(1, 2)) > 0.01).mean(axis=0)
            ),
        },
    )
    return "share 0 is a dead filter, as far as these images can tell."


# --- a saliency map (2.3.2) ---------------------------------------------------------------------


@check()
def saliency_map(answer, model, image, label):
    """Judge a saliency map: for each pixel the largest size of the gradient of a class logit.

    Parameters
    ----------
    answer : array, shape (height, width)
        On any scale that starts at zero.
    model : keras.Model
    image : array, shape (height, width, channels)
        In the units of the network's input.
    label : int
        The class.

    Hints
    -----
    - A saliency map asks what would move one score. Whose score is asked for here?
    - attribution.saliency(model, images, classes) is the gradient of that class's logit. It takes a
      batch: x_test[[k]] is a batch of one.
    - Of the gradient of each pixel, a number for each of three colours, keep the largest size:
      np.abs, then max over the last axis. The map has the shape of the image, 32 × 32.
    """
    from inside import attribution, trust

    answer = numbers(answer, "the map")
    one = image[np.newaxis]
    gradient = attribution.saliency(model, one, label)[0]
    if answer.shape == gradient.shape:
        raise Wrong("one number per pixel and colour; keep the largest size of each pixel's three.")
    if answer.shape in [(1, *gradient.shape), (1, *gradient.shape[:2])]:
        raise Wrong(f"the shape is {answer.shape}. That is a batch of one: take its element 0.")
    cams = class_activations(model, one, label)
    if answer.shape in [cam.shape for cam in cams]:
        raise Wrong(_NOT_PIXELS)
    if answer.shape != gradient.shape[:2]:
        raise Wrong(f"a map of shape {answer.shape}, expected {gradient.shape[:2]}.")
    if not answer.any():
        raise Wrong("the map is blank. Is the gradient taken with respect to the image?")
    right = np.abs(gradient).max(axis=-1)
    if equal_but_for_scale(answer, right):
        return "the size of the gradient, pixel by pixel."
    if equal_but_for_scale(answer, right.T):
        raise Wrong("the map is transposed: rows and columns are swapped.")
    large = [trust.enlarged(cam[np.newaxis], answer.shape)[0] for cam in cams]
    if any(alike(answer, cam) for cam in large):
        raise Wrong(_NOT_PIXELS)
    for why, other in other_saliency_maps(model, one, label, gradient):
        if equal_but_for_scale(answer, other):
            raise Wrong(why)
    raise Wrong(
        "this is not the size of the gradient of that logit. Which score was differentiated, of "
        "which class, and with respect to what?"
    )


_NOT_PIXELS = (
    "this is a class activation map, a few cells of a late layer stretched over the image. A "
    "saliency map is the gradient with respect to the pixels: attribution.saliency."
)


# --- class activation maps at two layers --------------------------------------------------------


@quiz(right="b")
def average_pooling():
    """Judge the choice in the quiz average_pooling.

    Choices
    -------
    - a: a mean hands each of its four cells a quarter of the gradient. The parts still add up to
      the whole, so the weights agree as before, but for the number of cells.
    - b: the weights agree, and a mean of sums is the sum of means. The largest value has no such
      rule: each channel takes it from a place of its own.
    - c: that the cells are fewer is not what sets the maps apart above. There, every channel picks
      its own place. Does a mean pick?
    - d: the pooling comes after conv4. The maps of conv4 are what they were before it.

    Hints
    -----
    - Ask twice: what would become of the weights, and what of the maps that they weigh?
    - A mean of four cells hands a quarter of the gradient to each of them. What is their sum?
    - The weights agree, but for one factor. And a mean is taken at the same four places in every
      channel, so it does not matter whether it is taken before or after the channels are added up.
    """


# --- integrated gradients -----------------------------------------------------------------------


def _paths(rng):
    """Return cases: gradients along the way, an image and a baseline."""
    found = []
    for steps, *shape in ((8, 4, 5, 3), (5, 3, 3, 3), (3, 6, 2, 1), (1, 4, 4, 3)):
        baseline = rng.random(shape)
        found.append((rng.normal(size=(steps, *shape)), rng.random(shape), baseline))
    found.append((rng.normal(size=(16, 3, 4, 3)), rng.random((3, 4, 3)), 0.5))
    found.append((rng.normal(size=(4, 5, 2, 3)), rng.random((5, 2, 3)), 0.0))
    return found


@check(cases=_paths)
def integrated_gradients(given, gradients, image, baseline):
    """Judge a function: attributions from the gradients on the way to an image.

    Parameters
    ----------
    given : array, shape (height, width, channels)
    gradients : array, shape (steps, height, width, channels)
        In the middles of equal pieces of the way.
    image : array, shape (height, width, channels)
    baseline : float or array, shape (height, width, channels)

    Hints
    -----
    - Two things are multiplied: what a change of this pixel does, on average over the way, and how
      much the pixel changes.
    - The steps are the first axis of the gradients. Their mean over it has the image's shape.
    - The change of a pixel is what the image has more than the baseline. Times the mean gradient,
      cell by cell, that is all.
    """
    mean, change = gradients.mean(axis=0), image - baseline
    steps = len(gradients)
    mistakes = {
        "this is the sum over the steps. Take the mean, or it grows with the number of steps.": (
            change * gradients.sum(axis=0)
        ),
        "this is the mean gradient alone. Multiply it by the change of each pixel.": mean,
        "the change has the wrong sign: it goes from the baseline to the image.": -change * mean,
        "this multiplies by the image. Multiply by its difference from the baseline.": image * mean,
        "only the gradient at the image's end was used. Take the mean over the way.": (
            change * gradients[-1]
        ),
        "only the gradient at the baseline's end was used. Take the mean over the way.": (
            change * gradients[0]
        ),
        "the sizes of the gradients were averaged. Keep the signs: what speaks for and what speaks "
        "against may cancel.": change * np.abs(gradients).mean(axis=0),
        "the size of the change was taken. Keep its sign.": np.abs(change) * mean,
        "this is one mean over everything. Each pixel and colour has its own: take the mean over "
        "the steps only.": change * gradients.mean(),
        "this is summed over the colours. Keep one number per pixel and colour.": (
            (change * mean).sum(axis=-1)
        ),
        "this still has an entry for every step. Take the mean over them.": change * gradients,
    }
    if steps > 1:
        trapezoids = (gradients[1:] + gradients[:-1]).mean(axis=0) / 2
        mistakes |= {
            "these are trapezoids, for gradients at the ends of the pieces. Here they are from the "
            "middles, so all count the same.": change * trapezoids,
            "the sum was divided by one step too few.": change * mean * steps / (steps - 1),
        }
    same(given, change * mean, "the attributions", mistakes=mistakes)
    return "along a whole way, the parts add up to what the logit gained on it."


# --- the first test: randomisation --------------------------------------------------------------


@quiz(right="a")
def which_fails():
    """Judge the choice in the quiz which_fails.

    Choices
    -------
    - a: only A's maps stay far more alike than maps of different images are. Whatever makes them so
      alike is not what the network learned.
    - b: look at B's floor: maps of two different images are just as similar. What is left of B
      after randomisation is what all its maps share.
    - c: a correlation near zero is what the test hopes for: C's maps have changed altogether, so
      they did depend on what the network learned.
    - d: a correlation above zero does not condemn a method by itself. How far above its floor is
      it?

    Hints
    -----
    - A map that depends on the network must change when the network is replaced. How similar can
      two maps be that have nothing to do with each other?
    - The last column answers that: maps of two different images. Compare the two columns of each
      method with each other, not with zero.
    """


# --- the third test: does it lie on the object? -------------------------------------------------


def _boxed(rng):
    """Return cases: a map with values of both signs, and the mask of a box."""
    found = []
    for rows, columns in ((8, 11), (9, 9), (5, 14), (12, 6)):
        mask = np.zeros((rows, columns), bool)
        top, left = rng.integers(0, rows // 2), rng.integers(0, columns // 2)
        mask[top : top + rows // 3 + 1, left : left + columns // 3 + 1] = True
        attribution = rng.normal(size=mask.shape) + 0.5 * mask
        attribution[top, left] = abs(attribution[top, left])  # something is inside
        found.append((attribution, mask))
    found.append((np.full(mask.shape, 0.3), mask))  # knows nothing
    signed = np.where(mask, 1, -1) * rng.random(mask.shape)
    found.append((signed, mask))  # all of it inside
    return found


@check(cases=_boxed)
def against_chance(given, attribution, mask):
    """Judge a function: how many times more of a map lies inside a mask than by chance.

    Parameters
    ----------
    given : float
    attribution : array, shape (rows, columns)
        Negative values count as zero.
    mask : array of bool, shape (rows, columns)

    Hints
    -----
    - Negative values count as zero. What is left inside the mask, and what altogether?
    - attribution[mask] holds the values inside. The share that chance would get is the share of the
      image that the mask covers.
    - Cut the map at zero with np.maximum. Divide its sum inside by its whole sum, and that by the
      mean of the mask, which is its share of the image.
    """
    positive, covered = np.maximum(attribution, 0), mask.mean()
    share = positive[mask].sum() / positive.sum()
    right = share / covered
    outside = 1 - share
    mistakes = {
        "this is the share inside. Divide it by what chance would get.": share,
        "this is what chance gets: the share of the image that the mask covers.": covered,
        "the share was multiplied by what the mask covers. Divide.": share * covered,
        "this is the difference from chance. Asked is how many times as much it is.": (
            share - covered
        ),
        "this counts what lies outside the mask.": outside / (1 - covered),
        "the negative values were not cut off: they are subtracted here.": (
            attribution[mask].sum() / attribution.sum() / covered
        ),
        "negative values count with their size here. They should count as zero.": (
            np.abs(attribution)[mask].sum() / np.abs(attribution).sum() / covered
        ),
        "this counts pixels that are positive. Add up their values.": (
            (positive > 0)[mask].sum() / (positive > 0).sum() / covered
        ),
        "the share was divided by the number of pixels of the mask. Divide by its share of the "
        "image.": share / mask.sum(),
        "this is upside down: chance divided by the share.": 1 / right,
    }
    if outside > 0:
        mistakes["this compares with what lies outside the mask. Compare with the whole image."] = (
            share / outside * (1 - covered) / covered
        )
    same(given, right, "the ratio", mistakes=mistakes)
    return "1 would be a map that knows nothing of the object."


# --- graded: Grad-CAM ---------------------------------------------------------------------------


def _cams(rng):
    """Return cases: features and gradients whose weighted sum has both signs, then special ones."""
    found = [_both_signs(rng, s) for s in ((4, 6, 5), (13, 13, 8), (6, 6, 6), (1, 9, 4))]
    for shape, sign in (((5, 3, 4), -1), ((3, 7, 1), 1)):  # nothing speaks for it; one channel
        gradients = rng.normal(size=shape)
        weights = sign * (0.2 + rng.random(shape[-1]))
        found.append((rng.random(shape), gradients - gradients.mean(axis=(0, 1)) + weights))
    return found


def _both_signs(rng, shape):
    """Draw features and gradients until the sum has cells well above and well below zero."""
    while True:
        features, gradients = np.maximum(rng.normal(size=shape), 0), rng.normal(size=shape)
        sums = features @ gradients.mean(axis=(0, 1))
        if sums.min() < -0.1 * np.ptp(sums) and sums.max() > 0.1 * np.ptp(sums):
            return features, gradients


@check(points=3, cases=_cams)
def grad_cam(given, features, gradients):
    """Judge a function: the class activation map of one image.

    Parameters
    ----------
    given : array, shape (rows, columns)
    features, gradients : array, shape (rows, columns, channels)

    Hints
    -----
    - There is one weight per channel. It says how much the logit grows, on average, with that
      channel's map.
    - The weight is the mean of the channel's gradients over all positions, rows and columns. It may
      be negative, and then it stays so.
    - Multiply each channel by its weight and add up the channels: one number per position. Only
      then replace what is below zero by zero.
    """
    weights = gradients.mean(axis=(0, 1))
    sums = features @ weights
    right = np.maximum(sums, 0)
    swapped = gradients @ features.mean(axis=(0, 1))
    everywhere = (features * gradients).sum(axis=-1)
    mistakes = {
        "there are negative cells left. What speaks against the class is cut off at zero.": sums,
        "the negative cells were turned positive. Replace them by zero.": np.abs(sums),
        "here the weight is the sum of the gradients. It is their mean over the positions.": (
            right * gradients[..., 0].size
        ),
        "this is the mean over the channels. Add them up.": right / features.shape[-1],
        "every position has a weight of its own here. Grad-CAM gives one weight to each channel.": (
            np.maximum(everywhere, 0)
        ),
        "every position has a weight of its own here, and negative cells are left. Take the mean "
        "of the gradients first.": everywhere,
        "negative weights were dropped. They count; cut the sum, not the weights.": (
            features @ np.maximum(weights, 0)
        ),
        "negative gradients were dropped before the mean. That is near the guided rule, and no "
        "Grad-CAM.": features @ np.maximum(gradients, 0).mean(axis=(0, 1)),
        "the sizes of the weights were taken. Keep their signs.": features @ np.abs(weights),
        "features and gradients have changed places.": np.maximum(swapped, 0),
        "all channels have the same weight here. Take the mean over rows and columns only.": (
            np.maximum(features.sum(axis=-1) * gradients.mean(), 0)
        ),
        "there is still a number for every channel. Add them up.": np.maximum(
            features * weights, 0
        ),
        "there is still a number for every channel. Add them up, then cut at zero.": (
            features * weights
        ),
        "these are the weights. Each belongs to a map; add up the maps.": weights,
        "cut at the wrong side: what speaks for the class should be left.": np.minimum(sums, 0),
    }
    if right.any():
        mistakes["the map was divided by its largest value. Leave it as it is."] = (
            right / right.max()
        )
    same(given, right, "the map", mistakes=mistakes)
    return "one weight per channel, and only what speaks for the class is left."


# --- graded: rank correlation -------------------------------------------------------------------


def _pairs(rng):
    """Return cases: two maps, no two numbers of a map alike, related in several ways."""
    b, d = rng.normal(size=(6, 6)), rng.normal(size=(8, 3))
    return [
        _related(rng, (5, 7), 1),
        (b, np.exp(3 * b)),  # the same order
        (d, -(d**3)),  # the opposite order
        _related(rng, (6, 6), -1),
        _related(rng, (1, 9), 1),
        _related(rng, (9, 4), 1, 1000),
    ]


def _related(rng, shape, sign, unit=1):
    """Draw two maps until their ranks go together, but not all the way."""
    while True:
        a = rng.normal(size=shape)
        b = sign * a**3 + 2 * rng.normal(size=shape)
        if 0.3 < sign * _correlation(*_ranks(a, b)) < 0.9:
            return a, unit * b


@check(points=2, cases=_pairs)
def rank_correlation(given, a, b):
    """Judge a function: Spearman's rank correlation of two maps without equal values.

    Parameters
    ----------
    given : float
    a, b : array, shape (rows, columns)

    Hints
    -----
    - Only the order of the pixels counts. What is the rank of a pixel among all of its map?
    - m.ravel().argsort() says which pixel comes first, which second, and so on. Asked is at which
      place each pixel comes: sort that again.
    - The rank of every pixel is m.ravel().argsort().argsort(). Of the two lists of ranks take the
      ordinary correlation: np.corrcoef returns a table of 2 × 2, off its diagonal is the number.
    """
    ranks, turned = _ranks(a, b), _ranks(a, b.T)
    right = _correlation(*ranks)
    mistakes = {
        "this is the correlation of the values. Replace each value by its rank first.": (
            _correlation(a.ravel(), b.ravel())
        ),
        "argsort alone says which pixel stands at each place. The rank of a pixel is the place at "
        "which it stands.": _correlation(a.ravel().argsort(), b.ravel().argsort()),
        "only b was ranked. Rank a, too.": _correlation(a.ravel(), ranks[1]),
        "only a was ranked. Rank b, too.": _correlation(ranks[0], b.ravel()),
        "each row was ranked by itself. Rank all pixels of a map together.": (
            _correlation(*(m.argsort(axis=1).argsort(axis=1).ravel() for m in (a, b)))
        ),
        "each column was ranked by itself. Rank all pixels of a map together.": (
            _correlation(*(m.argsort(axis=0).argsort(axis=0).ravel() for m in (a, b)))
        ),
        "one map was read row by row, the other column by column.": _correlation(*turned),
        "this is the whole table of np.corrcoef. Asked is the one number off its diagonal.": (
            np.corrcoef(*ranks)
        ),
        "the sign is lost. A map in the opposite order has a negative correlation.": abs(right),
        "on the diagonal of the table stands the correlation of a map with itself.": 1.0,
        "this is the square. Take the correlation itself.": right**2,
        "this is the covariance of the ranks. Divide by both standard deviations.": (
            np.cov(*ranks, bias=True)[0, 1]
        ),
    }
    same(given, right, "the correlation", mistakes=mistakes)
    return "only the order of the pixels counts."


def _ranks(*maps):
    return [m.ravel().argsort().argsort() for m in maps]


def _correlation(a, b):
    """Return the ordinary correlation; NaN where one of the two is constant."""
    with np.errstate(invalid="ignore"):
        return np.corrcoef(a, b)[0, 1]
