"""Tables as files: CSV, JSON, Markdown and Parquet."""
