"""The tables of a click log, a directory of three Parquet files and a `log.json`.

- `articles.parquet`: what could be shown. Vectors are 64 signed bytes in the vector space that `log.json` names.
- `impressions.parquet`, sorted by time: what was shown to whom, in shown order.
- `clicks.parquet`, sorted by time: what was opened, and for how long. A click without an impression was made before the
  log or outside its pages.
- `log.json`: `{ "version": 1, "space": name or null, "source": "simulated", "mind" or free text }`.

Strings are plain in the schema and dictionary-encoded in the file: Arrow cannot read lists of dictionaries across row
groups.
"""

import pyarrow as pa

VERSION = 1
ABOUT = "log.json"
SIMULATED = "simulated"
MIND = "mind"

TIME = pa.timestamp("ms", "UTC")
VECTOR = pa.binary(64)

ARTICLES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("summary", pa.string()),
        pa.field("topic", pa.string()),
        pa.field("subtopic", pa.string()),
        pa.field("published", TIME),
        pa.field("vector", VECTOR),
    ]
)
IMPRESSIONS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("reader", pa.string(), nullable=False),
        pa.field("time", TIME, nullable=False),
        pa.field("articles", pa.list_(pa.string()), nullable=False),
        pa.field("positions", pa.list_(pa.int32())),  # slot each stood in, from 0; null: shown order unknown
        pa.field("viewed", pa.list_(pa.bool_())),  # at least half visible for a second; null: not known
    ]
)
CLICKS = pa.schema(
    [
        pa.field("reader", pa.string(), nullable=False),
        pa.field("time", TIME, nullable=False),
        pa.field("article", pa.string(), nullable=False),
        pa.field("impression", pa.string()),
        pa.field("dwell", pa.float32()),  # seconds
    ]
)
TABLES = {"articles": ARTICLES, "impressions": IMPRESSIONS, "clicks": CLICKS}
