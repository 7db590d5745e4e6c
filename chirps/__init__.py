"""Gravitational waves: waveforms, detectors, noise, images, simulation, a search, real strain."""
