"""Draw the monthly revenue report: two A4 pages of figures and charts.

Worker threads may draw at the same time, so everything goes through Figure objects: pyplot keeps
one current figure for the whole process.
"""

from collections.abc import Sequence
from typing import BinaryIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from .money import show
from .revenue import MonthRevenue, Share

A4 = (8.27, 11.69)
INK, FAINT, LINE, ACCENT, PALE = "#23302b", "#6b756f", "#d9d6cc", "#1f5c4a", "#eef2ee"
LEFT, WIDTH = 0.09, 0.82


def draw(month: MonthRevenue, file: BinaryIO) -> None:
    """Write the report of a month as PDF."""
    title = f"Revenue report, {month.month:%B %Y}"
    with PdfPages(file, metadata={"Title": title, "Author": "Larch & Linen"}) as pdf:
        pdf.savefig(overview(month, title))
        pdf.savefig(details(month, title))


def overview(month: MonthRevenue, title: str) -> Figure:
    """Return the first page: the key figures, every day, the best products."""
    figure = new_page(title, page=1)
    draw_key_figures(figure, month)
    draw_days(add_chart(figure, "Revenue per day", bottom=0.50, height=0.22), month)
    chart = add_chart(figure, "Best-selling products", bottom=0.09, height=0.33)
    draw_ranking(chart, month.products)
    return figure


def details(month: MonthRevenue, title: str) -> Figure:
    """Return the second page: revenue per country, drawn and in numbers."""
    figure = new_page(title, page=2)
    chart = add_chart(figure, "Revenue per country", bottom=0.55, height=0.29)
    draw_ranking(chart, month.countries)
    draw_table(figure, month.countries, top=0.49)
    return figure


def new_page(title: str, page: int) -> Figure:
    """Return an empty page with its head and foot."""
    figure = Figure(figsize=A4, facecolor="white")
    figure.text(LEFT, 0.945, "LARCH & LINEN", size=9, weight="bold", color=ACCENT)
    figure.text(LEFT, 0.912, title, size=20, weight="bold", color=INK)
    figure.text(LEFT, 0.035, "All amounts in euros.", size=8, color=FAINT)
    figure.text(LEFT + WIDTH, 0.035, f"Page {page} of 2", size=8, color=FAINT, ha="right")
    return figure


def draw_key_figures(figure: Figure, month: MonthRevenue) -> None:
    """Put the four numbers everybody looks for in a row of tiles."""
    tiles = {
        "Revenue": show(month.revenue),
        "Orders": f"{month.orders:,}",
        "Customers": f"{month.customers:,}",
        "Average order": show(month.average_order),
    }
    gap = 0.015
    width = (WIDTH - gap * (len(tiles) - 1)) / len(tiles)
    for place, (label, value) in enumerate(tiles.items()):
        tile = figure.add_axes((LEFT + place * (width + gap), 0.80, width, 0.075))
        tile.set(facecolor=PALE, xticks=[], yticks=[])
        tile.spines[:].set_visible(False)
        tile.text(0.08, 0.66, label, size=8.5, color=FAINT, va="center")
        tile.text(0.08, 0.30, value, size=13, weight="bold", color=INK, va="center")


def add_chart(figure: Figure, title: str, bottom: float, height: float) -> Axes:
    """Return axes across the page under a heading, without a box around them."""
    figure.text(LEFT, bottom + height + 0.015, title, size=12, weight="bold", color=INK)
    axes = figure.add_axes((LEFT, bottom, WIDTH, height))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.tick_params(length=0, labelsize=8, colors=FAINT)
    axes.set_axisbelow(True)
    return axes


def draw_days(axes: Axes, month: MonthRevenue) -> None:
    """Draw one bar a day."""
    days = [day.day for day in month.days]
    axes.bar(days, [float(revenue) for revenue in month.days.values()], color=ACCENT, width=0.72)
    axes.set_xticks(days)
    axes.margins(x=0.01)
    indent(axes, 0.05)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda amount, _position: f"{amount:,.0f}"))
    axes.grid(axis="y", color=LINE, linewidth=0.6)


def draw_ranking(axes: Axes, shares: Sequence[Share]) -> None:
    """Draw one bar for each share, the largest on top, its amount beside it."""
    revenues = [float(share.revenue) for share in shares]
    places = range(len(shares))
    bars = axes.barh(places, revenues, color=ACCENT, height=0.66)
    axes.bar_label(bars, [show(share.revenue) for share in shares], padding=4, size=8, color=INK)
    axes.set_yticks(places, [share.name for share in shares], color=INK)
    axes.set_xticks([])
    axes.set_xlim(0, max(revenues, default=1) * 1.2)
    axes.set_ylim(max(len(shares), 1) - 0.5, -0.5)
    axes.spines["bottom"].set_visible(False)
    indent(axes, 0.22)


def indent(axes: Axes, width: float) -> None:
    """Make room on the left for the labels, so that they do not stand in the margin."""
    box = axes.get_position()
    axes.set_position((box.x0 + width, box.y0, box.width - width, box.height))


def draw_table(figure: Figure, shares: Sequence[Share], top: float) -> None:
    """Set the shares as a table of numbers."""
    columns = {"Country": 0.0, "Orders": 0.45, "Pieces": 0.65, "Revenue": 1.0}
    rows = [(share.name, f"{share.orders:,}", f"{share.pieces:,}", show(share.revenue)) for share in shares]
    for place, cells in enumerate([tuple(columns), *rows]):
        y = top - place * 0.022
        color, weight = (INK, "normal") if place else (FAINT, "bold")
        for cell, x in zip(cells, columns.values(), strict=True):
            side = "right" if x else "left"
            figure.text(LEFT + WIDTH * x, y, cell, size=9, ha=side, color=color, weight=weight)
        figure.add_artist(Line2D([LEFT, LEFT + WIDTH], [y - 0.006] * 2, color=LINE, linewidth=0.6))
