"""What is sold, to whom, and when."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from shop.countries import COUNTRIES
from shop.money import NOTHING


class Product(models.Model):
    """An article of the catalogue, as the order feed names it."""

    sku = models.CharField("SKU", max_length=20, unique=True)
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ("sku",)

    def __str__(self) -> str:
        return f"{self.name} ({self.sku})"


class Customer(models.Model):
    """Somebody who orders, known by their e-mail address."""

    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2, choices=list(COUNTRIES.items()), db_index=True)

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class Order(models.Model):
    """What one customer ordered on one day, under one number."""

    number = models.CharField(max_length=20, unique=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders")
    ordered_on = models.DateField()

    class Meta:
        ordering = ("-ordered_on", "-number")
        indexes = (models.Index(fields=["-ordered_on", "-number"], name="shop_order_latest"),)

    def __str__(self) -> str:
        return self.number

    @property
    def total(self) -> Decimal:
        """What the order costs."""
        return sum((line.total for line in self.lines.all()), NOTHING)


class OrderLine(models.Model):
    """So many pieces of one product at the price agreed in the order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="lines")
    import_run = models.ForeignKey(
        "shop.ImportRun",
        on_delete=models.PROTECT,
        related_name="lines",
        help_text="The import that brought this line.",
    )
    quantity = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    unit_price = models.DecimalField(
        max_digits=10, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))]
    )

    class Meta:
        ordering = ("order", "product")
        constraints = (
            models.UniqueConstraint(fields=["order", "product"], name="shop_orderline_product_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="shop_orderline_quantity_positive"),
            models.CheckConstraint(condition=Q(unit_price__gt=NOTHING), name="shop_orderline_price_positive"),
        )

    def __str__(self) -> str:
        return f"{self.order}: {self.quantity} x {self.product}"

    @property
    def total(self) -> Decimal:
        """What the line costs."""
        return self.quantity * self.unit_price
