"""A drawn dog: what the course shows where the dog photo is out of reach.

>>> draw_dog().shape
(600, 800)

Everything is made of two things: filled ellipses, and many thousands of short curved hairs, which
make the fur, the grass and the grain of the fence. Texture is the point: a kernel that looks for
edges needs edges to find. The same size always gives the same picture.
"""

import numpy as np

_HEIGHT, _WIDTH = 600, 800  # the drawing's own units, those of the photo
_FINE = 2  # painted this many times finer, then averaged: smooth outlines
_DOWN = np.pi / 2  # angles run from +x (right) towards +y (down), radians


def draw_dog(height=600, width=800):
    """Draw a grey dog that sits on the grass in front of a fence.

    Parameters
    ----------
    height, width : int
        Size of the picture in pixels. It is drawn at 600 × 800 and resampled to other sizes.

    Returns
    -------
    numpy.ndarray, uint8, shape (height, width)
        Grey values; the darkest is 0 (black), the lightest 255 (white).

    Raises
    ------
    ValueError
        If the height or width is below 16: too small for a dog.
    """
    if min(height, width) < 16:
        raise ValueError(
            f"draw_dog({height}, {width}): too small for a dog. Ask for at least 16 × 16 pixels."
        )
    rng = np.random.default_rng(0)
    canvas = np.zeros((_HEIGHT * _FINE, _WIDTH * _FINE))
    _background(canvas, rng)
    _body(canvas, rng)
    _head(canvas, rng)
    _grass(canvas, rng, 603, 622, 500)  # a few blades in front of the paws
    image = canvas.reshape(_HEIGHT, _FINE, _WIDTH, _FINE).mean(axis=(1, 3))
    if (height, width) != image.shape:
        from PIL import Image

        box = Image.Resampling.BOX  # averages, so that fine fur does not turn into dots
        image = np.asarray(Image.fromarray(image.astype(np.float32)).resize((width, height), box))
    low, high = image.min(), image.max()
    return np.round((image - low) * (255 / (high - low))).astype(np.uint8)


# --- the two tools ------------------------------------------------------------------------------


def _fill(canvas, x, y, rx, ry, grey, tilt=0.0, power=2):
    """Fill the ellipse at (`x`, `y`) with half-axes `rx`, `ry`; a higher `power` is boxier."""
    reach = max(rx, ry) * 1.5
    top, bottom = (int(np.clip((y + s * reach) * _FINE, 0, canvas.shape[0])) for s in (-1, 1))
    left, right = (int(np.clip((x + s * reach) * _FINE, 0, canvas.shape[1])) for s in (-1, 1))
    dy, dx = np.mgrid[top:bottom, left:right] / _FINE
    dy, dx = dy - y, dx - x
    u = (dx * np.cos(tilt) + dy * np.sin(tilt)) / rx
    v = (dy * np.cos(tilt) - dx * np.sin(tilt)) / ry
    canvas[top:bottom, left:right][np.abs(u) ** power + np.abs(v) ** power < 1] = grey


def _hairs(canvas, x, y, angle, length, grey, bend=0.0, lighten=0.0, thick=1):
    """Paint hairs that start at (`x`, `y`), all arrays of one length; later hairs on top.

    Along a hair the direction turns by `bend` radians and the grey rises by `lighten`.
    """
    steps = np.linspace(0, 1, int(np.max(length) * _FINE) + 2)
    angle = angle[:, None] + np.reshape(bend, (-1, 1)) * steps
    pace = np.reshape(length, (-1, 1)) * (steps[1] - steps[0])
    across = np.round((x[:, None] + np.cumsum(pace * np.cos(angle), axis=1)) * _FINE).astype(int)
    down = np.round((y[:, None] + np.cumsum(pace * np.sin(angle), axis=1)) * _FINE).astype(int)
    shade = np.clip(grey[:, None] + lighten * steps, 0, 255)
    for shift in range(thick):
        column = across + shift
        inside = (down >= 0) & (down < canvas.shape[0])
        inside &= (column >= 0) & (column < canvas.shape[1])
        canvas[down[inside], column[inside]] = shade[inside]


def _fur(canvas, rng, x, y, rx, ry, grey, *, tilt=0.0, comb=_DOWN, part=0.6, length=15, dark=50):
    """Fill an ellipse and cover it with fur that points along `comb` and, near the rim, outwards.

    `part` is how much it points outwards, `dark` how much darker the side away from the light is.
    """
    _fill(canvas, x, y, rx, ry, grey - 0.6 * dark, tilt)
    n = int(rx * ry * 0.7)
    radius, around = np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n)
    order = np.argsort(-radius)  # from the rim inwards, so that hairs overlap like tiles
    u, v = (radius * np.cos(around))[order], (radius * np.sin(around))[order]
    across = rx * u * np.cos(tilt) - ry * v * np.sin(tilt)
    down = rx * u * np.sin(tilt) + ry * v * np.cos(tilt)
    out = np.arctan2(down, across)
    rim = part * radius[order] ** 2
    angle = np.arctan2(
        (1 - rim) * np.sin(comb) + rim * np.sin(out), (1 - rim) * np.cos(comb) + rim * np.cos(out)
    )
    light = -(0.45 * across / rx + 0.75 * down / ry)  # from the upper left
    shade = grey + dark * (0.6 * light - 0.5 * (u**2 + v**2) ** 2) + 46 * (rng.random(n) - 0.5)
    _hairs(
        canvas,
        x + across,
        y + down,
        angle + 0.7 * (rng.random(n) - 0.5),
        length * (0.5 + 0.5 * rng.random(n)),
        shade,
        bend=0.9 * (rng.random(n) - 0.5),
        lighten=14,
    )


# --- the picture --------------------------------------------------------------------------------


def _grass(canvas, rng, top, bottom, n):
    y = np.sort(top + (bottom - top) * rng.random(n))
    near = (y - 330) / 270
    _hairs(
        canvas,
        _WIDTH * rng.random(n),
        y,
        -_DOWN + 1.1 * (rng.random(n) - 0.5),
        (10 + 26 * near) * (0.5 + 0.5 * rng.random(n)),
        24 + 52 * rng.random(n) + 20 * near,
        bend=1.2 * (rng.random(n) - 0.5),
        lighten=30,
        thick=2,
    )


def _background(canvas, rng):
    rows = np.linspace(0, 1, canvas.shape[0])[:, None]
    canvas[:] = 124 - 40 * rows  # an evening sky: all but the dog is darker than mid-grey
    canvas[150 * _FINE :] = 30
    for bush in range(70):  # a hedge behind the fence, painted from the back to the front
        x, y = _WIDTH * rng.random(), 135 + 3 * bush
        _fur(canvas, rng, x, y, 38, 30, 52, comb=-_DOWN, part=0.9, length=9, dark=44)
    for rail in (170, 285):
        canvas[rail * _FINE : (rail + 24) * _FINE] = 62
        _grain(canvas, rng, 0, _WIDTH, rail, rail + 24, 62, along=0.0)
    for left in range(-14, _WIDTH, 68):
        grey = 82 + 26 * rng.random()
        middle, half = left + 27, 26
        top = 78 + 10 * rng.random()
        for row in range(int(top * _FINE), 352 * _FINE):
            wide = min(half, (row / _FINE - top) * 0.95)  # a pointed top
            a, b = (int(max(0, (middle + s * wide) * _FINE)) for s in (-1, 1))
            canvas[row, a:b] = grey
            canvas[row, max(0, b - 5) : b] = grey - 50
        _grain(canvas, rng, middle - half + 1, middle + half - 5, top + 30, 350, grey)
        for nail in (182, 297):
            _fill(canvas, middle, nail, 2.6, 2.6, 15)
    canvas[338 * _FINE :] = 40
    _grass(canvas, rng, 336, 610, 12000)


def _grain(canvas, rng, left, right, top, bottom, grey, along=_DOWN):
    n = int((right - left) * (bottom - top) / 45)
    _hairs(
        canvas,
        left + (right - left) * rng.random(n),
        top + (bottom - top - 40 * (along > 0)) * rng.random(n),
        along + 0.06 * (rng.random(n) - 0.5),
        40 * (0.3 + 0.7 * rng.random(n)),
        grey + 44 * (rng.random(n) - 0.55),
    )


def _body(canvas, rng):
    for blob in range(14):  # the tail, from its root to its tip
        t = blob / 13
        x, y = 495 + 100 * t - 18 * t**3, 520 - 30 * t - 95 * t**2
        _fur(canvas, rng, x, y, 19, 18, 200 + 20 * t, comb=-0.9 - 0.6 * t, part=0.7, length=20)
    _fill(canvas, 406, 583, 186, 22, 14)  # its shadow, and grass in it
    _grass(canvas, rng, 568, 612, 900)
    for side in (-1, 1):  # haunches and hind paws
        _fur(canvas, rng, 400 + side * 92, 520, 62, 58, 188, comb=_DOWN + side * 0.4, length=18)
        _fur(canvas, rng, 400 + side * 122, 568, 44, 20, 206, part=0.4, length=9)
    _fur(canvas, rng, 400, 436, 106, 130, 200, length=22, dark=70)
    _fur(canvas, rng, 400, 540, 16, 62, 92, part=0.1, length=12, dark=30)  # between the legs
    for side in (-1, 1):  # front legs and paws
        _fur(canvas, rng, 400 + side * 43, 494, 33, 84, 226, part=0.3, length=13, dark=100)
        _fur(canvas, rng, 400 + side * 45, 570, 41, 23, 238, part=0.5, length=9, dark=60)
        for toe in (-13, 13):
            n = 40
            _hairs(
                canvas,
                400 + side * 45 + toe + 2 * rng.random(n),
                np.full(n, 572.0) + 4 * rng.random(n),
                np.full(n, _DOWN),
                np.full(n, 16.0),
                70 + 30 * rng.random(n),
            )
    _fur(canvas, rng, 400, 395, 74, 84, 240, length=26, dark=46)  # the bib


def _head(canvas, rng):
    tilt = 0.16  # the head is cocked: it is listening
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])

    def at(x, y):
        return turn @ (x, y) + (400, 330)  # head coordinates: origin at the neck, y up the nose

    def fur(x, y, rx, ry, grey, lean=0.0, comb=_DOWN, **more):
        _fur(canvas, rng, *at(x, y), rx, ry, grey, tilt=tilt + lean, comb=comb + tilt, **more)

    def fill(x, y, rx, ry, grey, lean=0.0, power=2):
        _fill(canvas, *at(x, y), rx, ry, grey, tilt + lean, power)

    # A collar with its disc, then the head over it.
    for grey, half in ((20, 14), (66, 9)):
        fill(0, 12, 78, 26 + half, grey)
    _fur(canvas, rng, *at(0, -4), 76, 28, 228, length=10)
    for grey, size in ((15, 17), (250, 14.5), (150, 9), (250, 4)):
        _fill(canvas, *at(2, 62), size, size, grey)
    fur(0, -108, 112, 98, 214, comb=_DOWN, part=0.8, length=20, dark=64)
    for side in (-1, 1):  # cheeks
        fur(side * 66, -72, 48, 40, 222, comb=_DOWN - side * 0.7, part=0.6, length=24, dark=46)
    for side in (-1, 1):  # floppy dark ears
        fur(side * 104, -128, 34, 72, 84, lean=side * -0.28, part=0.4, length=20, dark=60)
    fur(47, -126, 36, 40, 96, lean=0.3, part=0.5, length=12, dark=30)  # a patch over one eye
    fur(0, -165, 17, 40, 246, comb=-_DOWN, part=0.4, length=13, dark=20)  # a blaze
    fill(0, -40, 20, 26, 30)  # the open mouth
    fill(3, -30, 13, 24, 140, power=3)  # and the tongue
    fill(3, -34, 1.5, 16, 95)
    for side in (-1, 1):  # the two halves of the muzzle
        fur(side * 25, -72, 36, 30, 246, comb=_DOWN - side * 0.8, part=0.7, length=11, dark=40)
    for side in (-1, 1):
        for row in range(2):
            for whisker in range(2):
                fill(side * (28 + 14 * whisker), -72 + 12 * row, 1.8, 1.8, 60)
    fill(0, -58, 1.6, 18, 40)
    fill(0, -88, 25, 17, 8, power=2.6)  # the nose
    fill(-7, -95, 8, 4, 150)
    for side in (-1, 1):
        fill(side * 10, -84, 4.5, 3.5, 0)
    for side in (-1, 1):  # eyes
        fill(side * 46, -128, 20, 18, 20)
        fill(side * 46, -128, 17, 16, 62)
        fill(side * 46, -128, 11, 11, 0)
        fill(side * 46 - 6, -134, 5.5, 5.5, 255)
        fill(side * 46 + 6, -122, 2.5, 2.5, 190)
