"""PySpark on this machine's cores, as the original did it: united, joined, filtered, made distinct, grouped."""

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession  # pyright: ignore  # in an environment of its own
from pyspark.sql import functions as f  # pyright: ignore

root, categories = Path(sys.argv[1]) / "annotations", json.loads(sys.argv[2])
spark = (
    SparkSession.builder.master("local[*]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.sql.shuffle.partitions", "8")
    .config("spark.driver.memory", "3g")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
schema = "ImageID string, Source string, LabelName string, Confidence double"
labels = spark.read.csv(str(root / "*human-imagelabels*.csv"), header=True, schema=schema)
classes = spark.read.csv(str(root / "class-descriptions-boxable.csv"), schema="LabelName string, DisplayName string")
rows = labels.join(f.broadcast(classes), "LabelName", "left")
wanted = f.col("DisplayName").isin(list(categories.values()))
counted = rows.agg(
    f.count("*").alias("rows"),
    f.count("DisplayName").alias("known"),
    f.sum(wanted.cast("int")).alias("wanted"),
    f.sum((wanted & (f.col("Confidence") == 1)).cast("int")).alias("positive"),
    f.sum((wanted & (f.col("Confidence") == 0)).cast("int")).alias("negative"),
).first()
positive = rows.where(wanted & (f.col("Confidence") == 1)).select("ImageID", "DisplayName").distinct()
images = positive.groupBy("ImageID").agg(f.count("*").alias("n"), f.first("DisplayName").alias("label"))
grouped = images.groupBy((f.col("n") > 1).alias("several"), "label").count().collect()
alone = {row["label"]: row["count"] for row in grouped if not row["several"]}
answer = {
    **counted.asDict(),
    "images": sum(row["count"] for row in grouped),
    "several": sum(row["count"] for row in grouped if row["several"]),
    "one": {name: alone.get(label, 0) for name, label in categories.items()},
}
spark.stop()
sys.stdout.write(json.dumps(answer) + "\n")
