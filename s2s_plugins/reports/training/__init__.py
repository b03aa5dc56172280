"""The report of a training: a page, and its figures, predictions and errors as files."""

from s2s_plugins.reports.training.contents import TrainingReport
from s2s_plugins.reports.training.files import write_report
from s2s_plugins.reports.training.points import Point

__all__ = ["Point", "TrainingReport", "write_report"]
