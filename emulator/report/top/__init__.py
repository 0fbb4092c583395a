"""What `top` shows of an emulator: rates between two looks at it, chosen, sorted and drawn."""

from emulator.report.top.rates import Rates, Row, Sample, rows, total
from emulator.report.top.screen import listing, plain, screen
from emulator.report.top.view import SORTS, View

__all__ = ["SORTS", "Rates", "Row", "Sample", "View", "listing", "plain", "rows", "screen", "total"]
