"""Find one file of a data set that has many: noise curves, strain files."""

from helpers import sources
from helpers.sources import DataError


def find_file(dataset, name):
    """Return one named file of a data set, verified: local copy, cache, then download.

    Parameters
    ----------
    dataset : str
        A table of ``data/registry.toml``.
    name : str
        The ``name`` of one of its files.

    Returns
    -------
    helpers.sources.FoundFile or None
        None when the file is not within reach.

    Raises
    ------
    helpers.sources.DataError
        If the registry knows no such file, or its sha256 is wrong.
    """
    for entry in sources.registry()[dataset]["files"]:
        if entry["name"] == name:
            return (
                sources._local_copy(entry) or sources._cached(entry) or sources._downloaded(entry)
            )
    raise DataError(f"data/registry.toml lists no file {name!r} under [{dataset}].")
