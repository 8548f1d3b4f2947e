#!/usr/bin/env python3
"""Makes metrics/samples.csv.gz: real series, one sample a line as series, milliseconds, value.

Source: PyPI's bokeh-sampledata. Times without a zone are taken as UTC; values are copied as they
stand, digit for digit; of two samples with the same time in one series the first stays.
"""

import csv
import gzip
import io
from datetime import datetime, timezone

from common import pip_package, write_csv

SAMPLE_DATA = "bokeh-sampledata==2026.1"
TICKERS_FIELDS = ["Open", "High", "Low", "Close", "Volume"]


def rows(wheel, name: str) -> list:
    """A table of the package."""
    text = gzip.decompress(wheel.read(f"bokeh_sampledata/_data/{name}.csv.gz")).decode()
    return list(csv.DictReader(io.StringIO(text)))


def millis(text: str) -> int:
    """A date or time as milliseconds since 1970."""
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round((time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp() * 1000)


def samples(wheel):
    """All samples: (series, milliseconds, value as text)."""
    for row in rows(wheel, "sea_surface_temperature"):
        yield "sea:temperature", millis(row["time (UTC)"]), row["temperature (celsius)"]
    for row in rows(wheel, "CGM"):
        for field in ("glucose", "isig"):
            yield f"glucose:{field}", millis(row["datetime"]), row[field]
    for row in rows(wheel, "stocks"):
        for field in TICKERS_FIELDS:
            yield f"stock:{row['Ticker']}:{field.lower()}", millis(row["Date"]), row[field]


def main() -> None:
    """Writes the series one after the other, each in order of time."""
    kept = {}
    for series, time, value in samples(pip_package(SAMPLE_DATA)):
        if value:
            kept.setdefault((series, time), value)
    table = [(series, time, kept[series, time]) for series, time in sorted(kept)]
    write_csv("metrics/samples.csv.gz", ["series", "milliseconds", "value"], table)


main()
