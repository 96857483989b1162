"""pandas, as one would write it: read, put together, joined to names, filtered, made distinct, grouped."""

import json
import sys
from pathlib import Path
from typing import Any

import pandas

pd: Any = pandas  # its type stubs know less than it does
root, categories = Path(sys.argv[1]) / "annotations", json.loads(sys.argv[2])
classes = pd.read_csv(root / "class-descriptions-boxable.csv", header=None, names=["LabelName", "DisplayName"])
subsets = [pd.read_csv(f).assign(subset=f.name.split("-")[0]) for f in sorted(root.glob("*human-imagelabels*.csv"))]
rows = pd.concat(subsets, ignore_index=True).merge(classes, on="LabelName", how="left")
known = rows[rows["DisplayName"].notna()]
wanted = known[known["DisplayName"].isin(categories.values())]
category_of = {label: name for name, label in categories.items()}
positive = wanted[(wanted["Confidence"] >= 1) & (wanted["Confidence"] <= 1)]
pairs = positive.drop_duplicates(["ImageID", "DisplayName"]).copy()
pairs["category"] = pairs["DisplayName"].map(category_of)
images = pairs.groupby("ImageID").agg(category=("category", "first"), categories=("category", "nunique"))
alone = images[images["categories"] == 1]["category"].value_counts()
answer = {
    "rows": len(rows),
    "known": len(known),
    "wanted": len(wanted),
    "positive": len(positive),
    "negative": int((wanted["Confidence"] == 0).sum()),
    "images": len(images),
    "several": int((images["categories"] > 1).sum()),
    "one": {name: int(alone.get(name, 0)) for name in categories},
}
sys.stdout.write(json.dumps(answer) + "\n")
