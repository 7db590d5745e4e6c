"""Gravitational waves: from the wave of two black holes to a search in the strain of LIGO.

Modules import only from those before them. ``grid`` fixes sampling and the convention for spectra;
on it stand ``detectors``, ``waveform``, ``noise``, ``glitches`` and ``images``. From these,
``noise_models`` and ``simulate`` make data, which ``storage`` writes to disk. ``gwosc`` reads files
of strain, ``strain`` whitens them and knows the events; ``sets`` and ``batches`` are what networks
learn from. ``bank``, ``search`` and ``coincidence`` are the search that the networks are measured
against, ``efficiency`` how they are compared, ``plots`` how all of it is drawn. ``analysis`` asks
everything about one moment; ``python -m chirps H1.hdf5 L1.hdf5 --gps T`` is its command.

The physics needs NumPy and SciPy. All else is imported where it is used.
"""
