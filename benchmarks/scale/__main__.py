"""`python -m benchmarks.scale`: simulates what `docs/scale.md` says of growing, and writes that page and its picture.

`make scale` goes by the costs that `make unit-costs` has measured; `--page` only writes the page anew.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.scale import page
from benchmarks.scale.costs import read_costs
from benchmarks.scale.money import PRICES, read_prices
from benchmarks.scale.predictions import predict


def main() -> None:
    """Simulate and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--prices", type=Path, default=PRICES, help="a YAML file like benchmarks/scale/prices.yaml")
    parser.add_argument("--page", action="store_true", help="simulate nothing anew")
    options = parser.parse_args()
    if not options.page:
        costs, prices = read_costs(), read_prices(options.prices)
        content = {"prices": asdict(prices), "costs_of": costs.date, **predict(costs.costs, prices)}
        page.PREDICTIONS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    page.write()


if __name__ == "__main__":
    main()
