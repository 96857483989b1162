"""Tables: Delta logs and Parquet files, replaced partition by partition, and indexes over them."""
