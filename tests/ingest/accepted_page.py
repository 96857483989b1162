"""The table of the sample pictures in `what-is-accepted.md`.

`make docs` writes it into the page: `python -m tests.ingest.accepted_page docs/what-is-accepted.md`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.ingest.picture_samples import SAMPLES

BEGIN, FINISH = "<!-- samples: written by `make docs` -->", "<!-- end of samples -->"


def table() -> str:
    """The samples as a Markdown table: what is loaded first, then what is refused."""
    lines = ["| format | file | outcome |", "|---|---|---|"]
    for sample in sorted(SAMPLES, key=lambda one: one.refused is not None):
        lines.append(f"| {sample.kind} | {sample.name} | {f'`{sample.refused}`' if sample.refused else 'loaded'} |")
    return "\n".join(lines)


def with_table(page: str) -> str:
    """The page with its table replaced by that of today."""
    written = f"{BEGIN}\n\n{table()}\n\n{FINISH}"
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(FINISH)}", lambda _: written, page, flags=re.DOTALL)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(with_table(target.read_text(encoding="utf-8")), encoding="utf-8")
