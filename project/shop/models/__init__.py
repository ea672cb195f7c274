"""What the shop remembers."""

from .imports import ImportProblem, ImportRun
from .order_mails import Confirmation, OrderNote
from .rates import ExchangeRate
from .receipts import Receipt
from .reports import DailyRevenue, Report
from .sales import Customer, Order, OrderLine, Product

__all__ = [
    "Confirmation",
    "Customer",
    "DailyRevenue",
    "ExchangeRate",
    "ImportProblem",
    "ImportRun",
    "Order",
    "OrderLine",
    "OrderNote",
    "Product",
    "Receipt",
    "Report",
]
