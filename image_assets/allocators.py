"""How libraries that bring an allocator of their own are told to give freed memory back; said before they are loaded.

`memory` hands back what it can at any time; what belongs here can only be said in the environment, which the libraries
read when they are loaded, and worker processes inherit. What somebody has set already stays.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_ARROW, _POLARS = "ARROW_DEFAULT_MEMORY_POOL", "_RJEM_MALLOC_CONF"


def give_back_freed_memory(environment: MutableMapping[str, str] = os.environ) -> None:
    """Choose for Arrow and Polars what lets a process that frees all it takes stay as large as it was.

    Args:
        environment: The variables that the libraries read.
    """
    # Arrow's own, mimalloc, keeps what it was given: of some hundreds of files read and written 20 MB, also when it is
    # asked for it. The system's gives back what it is asked for, see `memory.hand_back`.
    environment.setdefault(_ARROW, "system")
    # Polars marks freed pages as free to take, and they count as the process's all the same.
    environment.setdefault(_POLARS, "muzzy_decay_ms:0")
