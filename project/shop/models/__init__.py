"""What the shop remembers."""

from .imports import ImportProblem, ImportRun
from .receipts import Receipt
from .reports import DailyRevenue, Report
from .sales import Customer, Order, OrderLine, Product

__all__ = [
    "Customer",
    "DailyRevenue",
    "ImportProblem",
    "ImportRun",
    "Order",
    "OrderLine",
    "Product",
    "Receipt",
    "Report",
]
