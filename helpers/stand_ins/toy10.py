"""``toy10``: ten classes of drawn objects with CIFAR-10's names, the stand-in for CIFAR-10.

Every object is a list of discs, convex polygons and limbs in its own coordinates: x to the right
and y down, both from -1 to 1, facing right. Each image has its own colours, size, place, tilt,
light and background; backgrounds are shared between classes, so that neither colour nor place
gives a class away.

The same seed gives the same bytes on every machine: only sums, products, quotients and
comparisons of uniform random numbers are used, in a fixed order, because the last digit of a sine,
of a normal random number or of NumPy's own sums may depend on the processor.
"""

import itertools

import numpy as np

SIZE = 32  # pixels of an image
FINE = 2 * SIZE  # objects are drawn at twice the size and averaged, which smooths their edges
N_NUMBERS = 64  # uniform random numbers that an image may use
CHUNK = 16  # images drawn at once; few enough to stay in the processor's cache

# Colours of the parts of an object. The first four are chosen anew for every image.
BODY, DARK, LIGHT, EXTRA, BLACK, WHITE, GLASS, YELLOW, PINK = range(1, 10)
FIXED = [(22, 20, 24), (238, 236, 228), (140, 180, 205), (240, 195, 50), (225, 130, 140)]

PAINT = [(200, 40, 40), (40, 80, 190), (235, 235, 230), (240, 190, 40), (60, 150, 80)]
PAINT += [(90, 90, 100), (180, 190, 195), (230, 120, 40), (120, 60, 140)]
FUR = [(120, 75, 40), (185, 125, 70), (215, 180, 130), (75, 65, 60), (225, 215, 205)]
FUR += [(150, 145, 140), (205, 115, 45)]
SKIN = [(70, 140, 50), (120, 160, 60), (150, 130, 60), (50, 110, 90), (190, 150, 60)]

# A background: colours above and below the horizon, the rows between which the horizon lies, and
# the strength of its blotches (4 × 4 pixels), rows, columns and single pixels.
BACKGROUNDS = {
    "sky": ((120, 170, 225), (175, 205, 235), (10, 32), (14, 2, 0, 3)),
    "grass": ((150, 190, 220), (95, 140, 60), (4, 18), (8, 0, 10, 12)),
    "sea": ((165, 195, 215), (45, 95, 135), (6, 18), (5, 14, 0, 6)),
    "road": ((140, 160, 130), (125, 122, 120), (6, 18), (6, 6, 0, 10)),
    "noise": ((140, 130, 120), (150, 135, 115), (0, 32), (38, 6, 6, 16)),
}


class _Canvas:
    """A few images of one class while they are drawn.

    ``u`` and ``v`` are the coordinates of every pixel in the object's own frame, shape
    (m, 64, 64); ``part`` is the number of the colour that each pixel has, 0 for background.
    """

    def __init__(self, numbers, max_tilt):
        self._columns = iter(numbers.T)
        half = self.vary(9.5, 14.5)  # pixels from the centre to the edge of the object
        width, height = half * self.vary(0.9, 1.0), half * self.vary(0.9, 1.0)
        x = 16 + (16 - half) * self.vary(-1, 1)
        y = 16 + (16 - half) * self.vary(-1, 1)
        half_tilt = self.vary(-max_tilt, max_tilt) / 2
        norm = 1 + half_tilt * half_tilt  # (cos, sin) of the tilt without calling either
        cos, sin = (1 - half_tilt * half_tilt) / norm, 2 * half_tilt / norm
        facing = np.where(self.vary(0, 1) < 0.5, np.float32(-1), np.float32(1))
        grid = (np.arange(FINE, dtype=np.float32) + 0.5) / 2
        dx, dy = grid[None, None, :] - x, grid[None, :, None] - y
        self.u = (cos * dx + sin * dy) * facing / width
        self.v = (cos * dy - sin * dx) / height
        self.part = np.zeros(self.u.shape, np.uint8)

    def vary(self, low, high):
        """Return one random number per image, shape (m, 1, 1)."""
        return low + (high - low) * next(self._columns)[:, None, None]

    def disc(self, colour, x, y, rx, ry):
        """Fill an ellipse with centre (x, y)."""
        dx, dy = (self.u - x) / rx, (self.v - y) / ry
        self.part[dx * dx + dy * dy <= 1] = colour

    def poly(self, colour, *corners):
        """Fill a convex polygon; its corners (x, y) go round clockwise."""
        inside = True
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            inside = inside & ((x1 - x0) * (self.v - y0) >= (y1 - y0) * (self.u - x0))
        self.part[inside] = colour

    def rect(self, colour, left, top, right, bottom):
        """Fill a rectangle."""
        inside = (self.u >= left) & (self.u <= right) & (self.v >= top) & (self.v <= bottom)
        self.part[inside] = colour

    def limb(self, colour, width, *points):
        """Draw a thick line with round ends through points (x, y)."""
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            dx, dy, run, rise = self.u - x0, self.v - y0, x1 - x0, y1 - y0
            along = np.clip((dx * run + dy * rise) / (run * run + rise * rise), 0, 1)
            dx, dy = dx - along * run, dy - along * rise
            self.part[dx * dx + dy * dy <= width * width / 4] = colour


def _airplane(c):
    reach = c.vary(0.55, 0.75)
    c.poly(DARK, (-0.1, -0.1), (-0.4, -0.8 * reach), (-0.2, -0.8 * reach), (0.3, -0.1))
    c.poly(EXTRA, (-0.85, 0), (-1, -0.6), (-0.78, -0.6), (-0.45, 0))
    c.disc(BODY, 0, 0, 1, 0.2)
    c.poly(LIGHT, (-0.7, 0), (-0.55, 0.02), (-0.85, 0.25), (-0.98, 0.25))
    c.poly(LIGHT, (-0.15, 0.02), (0.25, 0.02), (-0.3, reach), (-0.55, reach))
    c.rect(DARK, -0.5, -0.1, 0.55, -0.04)
    c.disc(GLASS, 0.78, -0.06, 0.12, 0.07)


def _automobile(c):
    roof = c.vary(-0.55, -0.4)
    c.poly(BODY, (-0.65, 0), (-0.42, roof), (0.28, roof), (0.62, 0))
    c.poly(GLASS, (-0.5, 0), (-0.34, roof + 0.08), (-0.09, roof + 0.08), (-0.09, 0))
    c.poly(GLASS, (0.0, 0), (0.0, roof + 0.08), (0.22, roof + 0.08), (0.46, 0))
    c.poly(BODY, (-0.98, -0.05), (0.85, -0.05), (1, 0.1), (1, 0.4), (-1, 0.4))
    c.rect(DARK, -1, 0.28, 1, 0.4)
    c.disc(YELLOW, 0.93, 0.12, 0.08, 0.08)
    for x in (-0.56, 0.56):
        c.disc(BLACK, x, 0.4, 0.25, 0.25)
        c.disc(LIGHT, x, 0.4, 0.11, 0.11)


def _bird(c):
    head, wing = c.vary(-0.5, -0.35), c.vary(-0.1, 0.15)
    for x in (-0.05, 0.2):
        c.limb(YELLOW, 0.1, (x, 0.4), (x, 0.92), (x + 0.2, 0.92))
    c.poly(DARK, (-0.35, -0.1), (-0.35, 0.35), (-0.95, 0.5), (-1, 0.2))
    c.disc(BODY, 0, 0.1, 0.6, 0.42)
    c.disc(LIGHT, 0.25, 0.2, 0.32, 0.27)
    c.poly(YELLOW, (0.66, head - 0.13), (1.05, head + 0.06), (0.66, head + 0.14))
    c.disc(BODY, 0.5, head, 0.3, 0.3)
    c.disc(BLACK, 0.58, head - 0.06, 0.08, 0.08)
    c.poly(DARK, (0.2, -0.15), (0.1, 0.25), (-0.6, 0.3 + wing), (-0.45, wing))


def _cat(c):
    tail = c.vary(-0.2, 0.3)
    c.limb(DARK, 0.2, (0.3, 0.85), (0.75, 0.8), (0.85, tail))
    c.disc(BODY, 0, 0.55, 0.5, 0.45)
    c.disc(LIGHT, 0, 0.6, 0.22, 0.35)
    for side in (-1, 1):
        ear = [(0.55 * side, -0.25), (0.52 * side, -1), (0.08 * side, -0.6)]
        c.poly(BODY, *ear[::-side])
        inner = [(0.45 * side, -0.45), (0.44 * side, -0.8), (0.24 * side, -0.62)]
        c.poly(PINK, *inner[::-side])
    c.disc(BODY, 0, -0.25, 0.56, 0.44)
    c.disc(LIGHT, 0, -0.08, 0.26, 0.18)
    c.poly(PINK, (-0.1, -0.18), (0.1, -0.18), (0, -0.05))
    for side in (-1, 1):
        c.disc(YELLOW, 0.24 * side, -0.33, 0.14, 0.12)
        c.disc(BLACK, 0.24 * side, -0.33, 0.06, 0.12)
        c.limb(DARK, 0.06, (0.12 * side, -0.65), (0.12 * side, -0.5))
        c.limb(WHITE, 0.05, (0.2 * side, -0.08), (0.75 * side, -0.15))
        c.disc(LIGHT, 0.22 * side, 0.93, 0.17, 0.09)


def _legs(c, width, top, feet, colour=BODY):
    """Draw the four legs of an animal in side view; those of the far side are darker."""
    step = c.vary(-0.12, 0.12)
    for shade, x, sign in ((DARK, -0.42, 1), (DARK, 0.28, -1), (BODY, -0.52, -1), (BODY, 0.2, 1)):
        foot = (x + sign * step, 0.95)
        c.limb(shade, width, (x, top), foot)
        c.limb(colour if feet else shade, width, (foot[0], 0.88), foot)


def _deer(c):
    sway = c.vary(-0.08, 0.08)
    for x, lean in ((0.42, -0.3), (0.52, 0.12)):
        tip = (x + lean + sway, -1)
        c.limb(LIGHT, 0.08, (x, -0.55), (x + lean, -0.78), tip)
        c.limb(LIGHT, 0.08, (x + lean * 0.6, -0.7), (x + lean * 0.6 + 0.16, -0.95))
    _legs(c, 0.11, 0.2, feet=True, colour=BLACK)
    c.disc(WHITE, -0.66, -0.02, 0.12, 0.16)
    c.disc(BODY, -0.15, 0.1, 0.52, 0.24)
    c.poly(BODY, (0.05, 0.0), (0.4, -0.55), (0.6, -0.45), (0.35, 0.2))
    c.limb(DARK, 0.1, (0.4, -0.5), (0.2, -0.62))
    c.disc(BODY, 0.62, -0.42, 0.27, 0.14)
    c.disc(BLACK, 0.87, -0.38, 0.06, 0.06)
    for x, y in ((-0.4, 0.02), (-0.2, -0.03), (0, 0.03), (-0.3, 0.15), (-0.1, 0.16)):
        c.disc(WHITE, x, y, 0.055, 0.055)


def _dog(c):
    wag = c.vary(-0.95, -0.6)
    _legs(c, 0.2, 0.3, feet=False)
    c.limb(BODY, 0.14, (-0.62, 0.1), (-0.85, -0.2), (wag, -0.6))
    c.disc(BODY, -0.15, 0.2, 0.58, 0.3)
    c.poly(BODY, (0.1, 0), (0.35, -0.3), (0.7, -0.1), (0.4, 0.4))
    c.limb(EXTRA, 0.14, (0.3, -0.08), (0.58, 0.08))
    c.disc(PINK, 0.86, -0.08, 0.07, 0.16)
    c.limb(LIGHT, 0.26, (0.6, -0.28), (0.88, -0.24))
    c.disc(BODY, 0.5, -0.42, 0.33, 0.3)
    c.disc(BLACK, 0.97, -0.33, 0.09, 0.08)
    c.disc(BLACK, 0.6, -0.48, 0.07, 0.07)
    c.disc(DARK, 0.28, -0.3, 0.15, 0.36)


def _frog(c):
    mouth = c.vary(0.02, 0.12)
    for side in (-1, 1):
        c.disc(DARK, 0.72 * side, 0.45, 0.28, 0.4)
        c.disc(BODY, 0.72 * side, 0.85, 0.28, 0.1)
        c.disc(BODY, 0.4 * side, -0.38, 0.26, 0.28)
    c.disc(BODY, 0, 0.25, 0.72, 0.6)
    c.disc(LIGHT, 0, 0.5, 0.45, 0.35)
    c.disc(BLACK, 0, mouth + 0.06, 0.5, 0.14)
    c.disc(BODY, 0, mouth - 0.02, 0.54, 0.14)
    for side in (-1, 1):
        c.disc(WHITE, 0.4 * side, -0.4, 0.18, 0.2)
        c.disc(BLACK, 0.4 * side, -0.36, 0.09, 0.11)
        c.limb(BODY, 0.16, (0.35 * side, 0.5), (0.3 * side, 0.88))
        c.disc(BODY, 0.28 * side, 0.88, 0.2, 0.08)


def _horse(c):
    tail = c.vary(-1, -0.8)
    _legs(c, 0.17, 0.2, feet=True, colour=BLACK)
    c.limb(EXTRA, 0.22, (-0.62, -0.02), (-0.82, 0.2), (tail, 0.7))
    c.disc(BODY, -0.15, 0.08, 0.58, 0.3)
    c.poly(EXTRA, (-0.05, -0.15), (0.32, -0.88), (0.5, -0.88), (0.3, 0))
    c.poly(BODY, (0.02, -0.1), (0.42, -0.8), (0.72, -0.6), (0.42, 0.2))
    c.poly(BODY, (0.4, -0.82), (0.68, -0.82), (1, -0.38), (0.86, -0.22), (0.5, -0.5))
    c.poly(BODY, (0.42, -0.75), (0.46, -1), (0.6, -0.78))
    c.disc(DARK, 0.92, -0.3, 0.09, 0.09)
    c.disc(BLACK, 0.64, -0.66, 0.06, 0.06)


def _ship(c):
    funnel, mast = c.vary(-0.4, 0.0), c.vary(0.3, 0.6)
    c.limb(BLACK, 0.06, (mast, 0.2), (mast, -0.95))
    c.limb(BLACK, 0.05, (mast - 0.18, -0.6), (mast + 0.18, -0.6))
    c.rect(EXTRA, funnel - 0.13, -0.85, funnel + 0.13, -0.2)
    c.rect(BLACK, funnel - 0.13, -0.85, funnel + 0.13, -0.68)
    c.rect(WHITE, -0.5, -0.45, 0.2, 0)
    c.rect(WHITE, -0.7, -0.15, 0.45, 0.25)
    c.rect(GLASS, -0.4, -0.35, 0.12, -0.24)
    for x in (-0.55, -0.3, -0.05, 0.2):
        c.disc(BLACK, x, 0, 0.07, 0.07)
    c.poly(BODY, (-0.95, 0.15), (1, 0.1), (0.65, 0.7), (-0.75, 0.7))
    c.poly(DARK, (-0.83, 0.5), (0.77, 0.5), (0.65, 0.7), (-0.75, 0.7))


def _truck(c):
    top = c.vary(-0.75, -0.55)
    c.rect(DARK, -0.98, 0.3, 0.98, 0.45)
    c.rect(EXTRA, -1, top, 0.3, 0.34)
    c.rect(LIGHT, -1, top, 0.3, top + 0.1)
    for x in (-0.68, -0.35, -0.02):
        c.limb(BLACK, 0.04, (x, top + 0.1), (x, 0.32))
    c.poly(BODY, (0.36, -0.4), (0.75, -0.4), (0.98, 0), (0.98, 0.4), (0.36, 0.4))
    c.poly(GLASS, (0.48, -0.3), (0.72, -0.3), (0.88, 0), (0.48, 0))
    c.disc(YELLOW, 0.93, 0.22, 0.08, 0.08)
    for x in (-0.72, -0.26, 0.65):
        c.disc(BLACK, x, 0.48, 0.21, 0.21)
        c.disc(LIGHT, x, 0.48, 0.08, 0.08)


# In the order of CIFAR-10's class numbers: drawing, colours, largest tilt, backgrounds.
OBJECTS = [
    (_airplane, PAINT, 0.5, ("sky", "sea", "road", "noise")),
    (_automobile, PAINT, 0.1, ("road", "grass", "sea", "noise")),
    (_bird, FUR + PAINT, 0.3, ("sky", "grass", "sea", "noise")),
    (_cat, FUR, 0.15, ("grass", "road", "sky", "noise")),
    (_deer, FUR, 0.15, ("grass", "road", "sky", "noise")),
    (_dog, FUR, 0.15, ("grass", "road", "sea", "noise")),
    (_frog, SKIN + FUR, 0.15, ("grass", "road", "sea", "noise")),
    (_horse, FUR, 0.15, ("grass", "road", "sky", "noise")),
    (_ship, PAINT, 0.15, ("sea", "sky", "road", "noise")),
    (_truck, PAINT, 0.1, ("road", "grass", "sky", "noise")),
]


def draw_toy10(n, seed=0):
    """Draw `n` images of toy10.

    Parameters
    ----------
    n : int
        Number of images. Image i has class ``i % 10``, and does not depend on `n`.
    seed : int or tuple of int
        Same seed, same images, on every machine.

    Returns
    -------
    images : numpy.ndarray, uint8, shape (n, 32, 32, 3)
        Red, green and blue from 0 to 255.
    labels : numpy.ndarray, int64, shape (n,)
        Class numbers in the order of CIFAR-10.
    boxes : numpy.ndarray, int64, shape (n, 4)
        First row, first column, end row, end column of the object: ``image[r0:r1, c0:c1]`` holds
        every pixel that the object touches, and no smaller box does.
    """
    first, second = np.random.SeedSequence(seed).spawn(2)
    numbers = np.random.default_rng(first).random((n, N_NUMBERS), np.float32)
    grain = np.random.default_rng(second).integers(0, 256, (n, SIZE**2 + 4 * SIZE), np.uint8)
    images = np.empty((n, SIZE, SIZE, 3), np.uint8)
    boxes = np.empty((n, 4), np.int64)
    for label, (paint_object, colours, max_tilt, places) in enumerate(OBJECTS):
        for start in range(label, n, CHUNK * len(OBJECTS)):
            rows = np.arange(start, n, len(OBJECTS))[:CHUNK]
            canvas = _Canvas(numbers[rows], max_tilt)
            picture, speckle = _background(canvas, grain[rows], places)
            colours_of_part = _palette(canvas, colours)
            paint_object(canvas)
            boxes[rows] = _boxes(canvas.part > 0)
            picture = _composed(canvas, picture, colours_of_part)
            images[rows] = np.clip(picture + speckle + 0.5, 0, 255)
    return images, np.arange(n, dtype=np.int64) % len(OBJECTS), boxes


def _background(canvas, grain, places):
    """Return pictures (m, 32, 32, 3) without objects, and speckle (m, 32, 32, 1) to add last."""
    kinds = canvas.vary(0, len(places)).ravel().astype(int)
    above, below, horizon, strength = (
        np.array([BACKGROUNDS[places[k]][i] for k in kinds], np.float32) for i in range(4)
    )
    m = len(kinds)
    line = horizon[:, :1, None] + (horizon[:, 1:, None] - horizon[:, :1, None]) * canvas.vary(0, 1)
    rows = np.arange(SIZE, dtype=np.float32)[None, :, None]
    picture = np.where((rows < line)[..., None], above[:, None, None], below[:, None, None])
    tint = np.stack([canvas.vary(-28, 28) for _ in range(3)], axis=-1)
    slope = canvas.vary(-1.2, 1.2)
    grain = (grain.astype(np.float32) - 127.5) / 127.5
    pixels, blotches, stripes = np.split(grain, [SIZE**2, SIZE**2 + 2 * SIZE], axis=1)
    blotches = blotches.reshape(m, SIZE // 4, SIZE // 4).repeat(4, axis=1).repeat(4, axis=2)
    by_row, by_column = stripes[:, :SIZE, None], stripes[:, None, SIZE:]
    blotch, row, column, pixel = strength.T[:, :, None, None]
    texture = blotch * blotches + row * by_row + column * by_column + slope * (rows - 16)
    picture = (picture + texture[..., None] + tint) * canvas.vary(0.75, 1.15)[..., None]
    return picture, (pixel * pixels.reshape(m, SIZE, SIZE))[..., None]


def _palette(canvas, colours):
    """Return the colour of every part, shape (m, 10, 3); part 0 is black and stays unseen."""
    m = len(canvas.part)

    def choose(table):
        chosen = np.array(table, np.float32)[canvas.vary(0, len(table)).ravel().astype(int)]
        return chosen + np.stack([canvas.vary(-15, 15).ravel() for _ in range(3)], axis=1)

    body, extra = choose(colours), choose(colours)
    fixed = np.broadcast_to(np.array(FIXED, np.float32), (m, len(FIXED), 3))
    chosen = np.stack([0 * body, body, 0.6 * body, 0.5 * body + 120, 0.8 * extra], axis=1)
    return np.concatenate([chosen, fixed], axis=1)


def _composed(canvas, picture, colours_of_part):
    """Lay the lit objects over `picture`, averaging 2 × 2 fine pixels to one."""
    light = canvas.vary(0.75, 1.1) + canvas.vary(-0.2, 0.2) * canvas.u - 0.15 * canvas.v
    m, n_parts, _ = colours_of_part.shape
    index = canvas.part + n_parts * np.arange(m)[:, None, None]
    fine = colours_of_part.reshape(-1, 3).T.take(index, axis=1) * light  # colour first: faster
    cover = _halved((canvas.part > 0).astype(np.float32))[..., None]
    return np.moveaxis(_halved(fine), 0, -1) + (1 - cover) * picture


def _halved(fine):
    """Average 2 × 2 pixels, in a fixed order."""
    top, bottom = fine[..., ::2, :], fine[..., 1::2, :]
    columns = top + bottom
    return (columns[..., ::2] + columns[..., 1::2]) / 4


def _boxes(covered):
    """Return the tight boxes, in pixels of the image, of fine masks (m, 64, 64)."""
    sides = []
    for axis in (2, 1):
        hit = covered.any(axis=axis).reshape(len(covered), SIZE, 2).any(axis=2)
        sides.append((hit.argmax(axis=1), SIZE - hit[:, ::-1].argmax(axis=1)))
    (top, bottom), (left, right) = sides
    return np.stack([top, left, bottom, right], axis=1)
