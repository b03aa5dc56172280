"""The report of a training: a page, and its figures, predictions and errors as files."""

from s2s_plugins.reports.training.contents import Point, TrainingReport
from s2s_plugins.reports.training.files import write_report

__all__ = ["Point", "TrainingReport", "write_report"]
