"""Measures rankings of a click log: metrics, baselines, intervals, and a report in three forms."""

from nearside.evaluation.evaluation import Evaluation
from nearside.evaluation.report import Report

__all__ = ["Evaluation", "Report"]
