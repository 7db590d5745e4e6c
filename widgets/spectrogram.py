"""Spectrogram of strain: what can be set, the strain around events, and the picture."""

from functools import partial

from widgets.widget import FLAG, NUMBER, Widget

EVENTS = ("GW150914", "GW151012", "GW151226")
RATE = 1024  # Hz
SECONDS = 16
LOWEST = 15  # Hz; what lies below is large, and no detector hears in it


def strain(event):
    """Return the strain around an event, small enough for a page.

    Parameters
    ----------
    event : str
        One of :data:`EVENTS`.

    Returns
    -------
    dict
        ``rate`` in Hz, ``merger`` in seconds from the first sample, ``gps`` of the merger,
        ``stand_in``, ``credit``, and for each detector in ``strain`` its ``scale`` and ``values``:
        16-bit integers, little-endian, in base64.

    Notes
    -----
    Sixteen seconds, without what lies below 15 Hz, at 1024 Hz instead of 4096 Hz. The error of
    16 bits is white and far below the noise of the detector at every frequency from 20 to 480 Hz.
    """
    import base64

    import numpy as np
    from scipy import signal

    from chirps.strain import load_event

    pair = load_event(event, verbose=False)
    packed = {}
    for name, series in pair.strains.items():
        fewer = series.sample_rate // RATE
        highpass = signal.butter(4, LOWEST, "high", fs=series.sample_rate, output="sos")
        slow = signal.resample_poly(signal.sosfiltfilt(highpass, series.values), 1, fewer)
        first = round((pair.event.gps - series.gps_start - SECONDS / 2) * RATE)
        cut = slow[first : first + SECONDS * RATE]
        scale = float(np.abs(cut).max()) / 32767
        whole = np.rint(cut / scale).astype("<i2")
        packed[name] = {"scale": scale, "values": base64.b64encode(whole.tobytes()).decode()}
        merger = pair.event.gps - series.gps_start - first / RATE
    return {
        "event": event,
        "gps": pair.event.gps,
        "merger": round(merger, 6),
        "rate": RATE,
        "strain": packed,
        "stand_in": pair.source.stand_in,
        "credit": pair.source.credit,
    }


def picture(figure):
    """Draw the energy around GW150914 in both detectors."""
    import numpy as np

    from chirps import images
    from chirps import strain as gw_strain
    from helpers import plots

    pair = gw_strain.load_event("GW150914", verbose=False)
    gps = pair.event.gps
    whitened = [gw_strain.whiten(pair.strains[name], exclude=gps) for name in ("H1", "L1")]
    energies = images.constant_q(gw_strain.spectra_around(gps, *whitened))[0]
    times = np.linspace(-0.75, 0.25, images.N_COLUMNS)
    axes = figure.subplots(1, 2, sharey=True)
    for d, ax in enumerate(axes):
        mesh = ax.pcolormesh(times, images.ROW_FREQUENCIES, energies[..., d], vmin=0, vmax=25)
        ax.set(yscale="log", xlabel="time (s)", title=("H1", "L1")[d])
    axes[0].set_ylabel("frequency (Hz)")
    figure.colorbar(mesh, ax=axes, label="energy; of noise half is below 1")
    plots.credit(figure, pair.source)


WIDGET = Widget(
    "widgets/spectrogram.js",
    "Spectrogram of strain",
    {
        "event": EVENTS,
        "detector": ("H1", "L1"),
        "whiten": FLAG,
        "q": NUMBER,
        "low": NUMBER,
        "high": NUMBER,
        "seconds": (0.25, 0.5, 1, 4),
    },
    later={f"strain_{event}": partial(strain, event) for event in EVENTS},
    picture=picture,
    alt="Energy in time and frequency for the detectors H1 and L1 around the merger: in both a "
    "bright track rises from 40 to 250 hertz within a tenth of a second and ends.",
    picture_format="webp",
)
