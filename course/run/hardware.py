"""Watch the memory of GPUs while something runs."""

import threading

from helpers import environment


class GpuMemory:
    """Watches the memory in use on the GPUs while a block runs.

    Attributes
    ----------
    peak_mb : int or None
        The largest that was seen, in MB, of all GPUs together and of whoever uses them; None
        without a GPU. Frameworks reserve more than they need, so this is an upper limit.
    """

    INTERVAL = 2  # seconds

    def __init__(self):
        self.peak_mb = None
        self._stop = threading.Event()

    def _watch(self):
        while True:
            used = [int(n) for n in environment.nvidia_smi("memory.used") if n.strip().isdigit()]
            if not used:
                return
            self.peak_mb = max(self.peak_mb or 0, round(sum(used) * 1.048576))
            if self._stop.wait(self.INTERVAL):
                return

    def __enter__(self):
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *problem):
        self._stop.set()
        self._thread.join()
