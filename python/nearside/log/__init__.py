"""Click logs: three tables of articles, impressions and clicks (`schema`), read by `Log` and written by `LogWriter`."""

from nearside.log.columns import LogError
from nearside.log.reader import Clicks, Impressions, Log, Tables
from nearside.log.schema import ABOUT, ARTICLES, CLICKS, IMPRESSIONS, MIND, SIMULATED, TABLES, TIME, VECTOR, VERSION
from nearside.log.writer import LogWriter

__all__ = [
    "ABOUT",
    "ARTICLES",
    "CLICKS",
    "IMPRESSIONS",
    "MIND",
    "SIMULATED",
    "TABLES",
    "TIME",
    "VECTOR",
    "VERSION",
    "Clicks",
    "Impressions",
    "Log",
    "LogError",
    "LogWriter",
    "Tables",
]
