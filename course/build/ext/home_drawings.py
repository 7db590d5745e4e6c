"""The two drawings of the home page, as SVG that takes its colours and letters from the page.

Every number in them is computed: the cells by ``helpers.convolution``, the curves by
``chirps``. They need numpy and scipy only, and no data.
"""

import html

import numpy as np

from chirps import grid, noise, search, waveform
from helpers import convolution

WIDTH, HEIGHT = 420, 310  # of both drawings, in units that are pixels on a wide screen

# Chapter 1: the first matrix and kernel of the homework, and one stop of the window.
IMAGE = np.array([[2, 3, 2, 4], [3, 1, 2, 2], [4, 1, 0, 1], [7, 2, 1, 3]])
KERNEL = np.array([[2, 1], [1, 3]])
STOP = (1, 0)

# Chapter 6: black holes like those of GW150914, seen at the detector, but farther away.
MASSES = (39.0, 32.0)  # solar masses
DISTANCE = 3000.0  # Mpc
MERGER = 3.5  # s from the start of the segment
SHOWN = (-0.36, 0.1)  # s around the merger
SEED = 4

CELL = 40


def convolution_drawing():
    """Draw an image, a kernel and their cross-correlation, with one stop worked out.

    Returns
    -------
    svg : str
    words : dict
        What the caption may name.
    """
    output = convolution.cross_correlate(IMAGE, KERNEL)
    rows, columns = (slice(at, at + size) for at, size in zip(STOP, KERNEL.shape, strict=True))
    seen = IMAGE[rows, columns]
    top, middle = 38, 38 + 2 * CELL
    parts = [
        grid_of(IMAGE, 1, top, "image", window=(STOP, KERNEL.shape)),
        text(176, middle + 6, "∗", "sign"),
        grid_of(KERNEL, 191, middle - CELL, "kernel", "kernel", ((0, 0), KERNEL.shape)),
        text(285, middle + 6, "=", "sign"),
        grid_of(output, 299, middle - 1.5 * CELL, "output", "output", (STOP, (1, 1))),
    ]
    terms = []
    for pixel, weight in zip(seen.flat, KERNEL.flat, strict=True):
        terms.append(f'{pixel}<tspan class="faint"> × </tspan><tspan class="k">{weight}</tspan>')
    worked = '<tspan class="faint"> + </tspan>'.join(terms)
    total = f'<tspan class="faint"> = </tspan><tspan class="o">{output[STOP]:g}</tspan>'
    parts.append(f'<text class="sum" x="{WIDTH / 2}" y="{HEIGHT - 56}">{worked}{total}</text>')
    label = (
        f"An image of {IMAGE.shape[0]} by {IMAGE.shape[1]} numbers with a window of four outlined, "
        f"a kernel of {KERNEL.shape[0]} by {KERNEL.shape[1]}, and the output of {output.shape[0]} "
        f"by {output.shape[1]}. The outlined output cell is the sum "
        f"{convolution.worked(IMAGE, KERNEL)[STOP]}."
    )
    return svg(parts, label), {"stops": output.size}


def grid_of(values, x, y, name, kind="image", window=None):
    """Return a grid of numbers with its name above and a window, (corner, shape), outlined."""
    height, width = values.shape
    (first, left), (tall, wide) = window
    box = f'x="{x + left * CELL}" y="{y + first * CELL:g}"'
    box += f' width="{wide * CELL}" height="{tall * CELL}"'
    lines = [f"M{x} {y + i * CELL:g}h{width * CELL}" for i in range(height + 1)]
    lines += [f"M{x + j * CELL} {y:g}v{height * CELL}" for j in range(width + 1)]
    parts = [
        text(x + width * CELL / 2, y - 12, name, "name middle"),
        f'<rect class="lit {kind}" {box}/>',
        f'<path class="lines" d="{"".join(lines)}"/>',
        f'<rect class="frame {kind}" {box}/>',
    ]
    for (i, j), value in np.ndenumerate(values):
        inside = first <= i < first + tall and left <= j < left + wide
        style = f"number lit {kind}" if inside else "number"
        parts.append(text(x + (j + 0.5) * CELL, y + (i + 0.5) * CELL + 6, f"{value:g}", style))
    return "".join(parts)


def chirp_curves():
    """Return the chirp, the record that it is hidden in, and the sum for every shift.

    Returns
    -------
    times : array, shape (n,)
        Seconds from the merger.
    wave, record, match : array, shape (n,)
        Strain without unit; whitened strain in standard deviations of the noise; and the real part
        of the matched filter, whose noise has standard deviation 1.
    """
    frequencies = grid.FREQUENCIES
    merger = np.exp(-2j * np.pi * frequencies * MERGER)
    spectrum = waveform.phenom_d(frequencies, *MASSES) / DISTANCE
    spectrum *= np.clip((frequencies - 12) / 8, 0, 1)  # earlier it would come round at the end
    asd = noise.analytic().asd_on(frequencies)
    whitened = spectrum * grid.BAND / asd
    noisy = noise.gaussian(np.random.default_rng(SEED), 1, 1)[0, 0] + whitened * merger
    template = whitened / grid.norm(whitened)
    shown = (np.array(SHOWN) + MERGER) * grid.SAMPLE_RATE
    part = slice(*shown.astype(int))
    wave = np.fft.irfft(spectrum * merger) * grid.SAMPLE_RATE
    match = search.snr_series(noisy, template, grid.N_SAMPLES).real
    times = grid.TIMES - MERGER
    return times[part], wave[part], grid.to_time(noisy)[part], match[part]


def chirp_drawing():
    """Draw a chirp, the noise in which it arrives, and what sliding one along the other gives.

    Returns
    -------
    svg : str
    words : dict
        What the caption may name.
    """
    times, wave, record, match = chirp_curves()
    peak = int(np.argmax(match))
    left, right, bottom = 36, WIDTH - 6, HEIGHT - 40

    def across(seconds):
        return left + (seconds - SHOWN[0]) / (SHOWN[1] - SHOWN[0]) * (right - left)

    x = across(times)
    parts = [f'<path class="merger" d="M{x[peak]:.1f} 20V{bottom}"/>']
    for kind, name, unit, values, tick, zero, scale in (  # scale: pixels per unit
        ("wave", "a chirp", "strain in 10⁻²¹", wave * 1e21, 0.2, 58, 80),
        ("record", "the record that hides it", "in σ of the noise", record, 3, 136, 6),
        ("match", "the sum, for every shift", "in σ", match, 10, 228, 3.5),
    ):
        y = zero - values * scale
        above = zero - (50 if kind == "match" else 30)
        parts.append(
            f'<text class="name {kind}" x="{left}" y="{above}">{name}'
            f'<tspan class="unit" dx="6">{unit}</tspan></text>'
        )
        ticks = [0, tick] if kind == "match" else [-tick, 0, tick]
        for value in ticks:
            at = zero - value * scale
            parts.append(
                f'<path class="zero" d="M{left - 4} {at:g}h{4 if value else right - left + 4}"/>'
            )
            parts.append(text(left - 7, at + 4, f"{value:g}".replace("-", "−"), "tick end"))
        points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
        parts.append(f'<path class="curve {kind}" d="M{points}"/>')
    parts.append(f'<circle class="peak" cx="{x[peak]:.1f}" cy="{y[peak]:.1f}" r="3.5"/>')
    parts.append(text(x[peak] + 9, y[peak] + 6, f"{match[peak]:.0f} σ", "value"))
    seconds = np.arange(-3, 2) / 10
    marks = "".join(f"M{at:.1f} {bottom}v4" for at in across(seconds))
    parts.append(f'<path class="lines" d="M{left} {bottom}H{right}{marks}"/>')
    for at, value in zip(across(seconds), seconds, strict=True):
        parts.append(text(at, bottom + 17, f"{value:g}".replace("-", "−"), "tick middle"))
    parts.append(text((left + right) / 2, HEIGHT - 5, "time from the merger in s", "tick middle"))
    label = (
        "Three curves over half a second. A chirp: a wave that grows and becomes faster until it "
        "ends. The record of a detector: noise in which no chirp is to be seen. The sum of their "
        "products for every shift of the chirp: small, but for one peak of "
        f"{match[peak]:.0f} standard deviations where the chirp is hidden."
    )
    words = {"mass1": MASSES[0], "mass2": MASSES[1], "snr": match[peak]}
    return svg(parts, label), words


def text(x, y, content, kind):
    """Return a text; `kind` names its styles in home.css."""
    return f'<text class="{kind}" x="{x:.4g}" y="{y:.4g}">{html.escape(content)}</text>'


def svg(parts, label):
    """Return a drawing that is read out as its label."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


DRAWINGS = {"convolution": convolution_drawing, "chirp": chirp_drawing}
