"""A time for tests that move files aside."""

from __future__ import annotations

import datetime as dt

NOW = dt.datetime(2026, 11, 3, 7, tzinfo=dt.UTC)
