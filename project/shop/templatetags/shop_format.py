"""How templates show the shop's values."""

from django import template

from shop import money

register = template.Library()
register.filter("money", money.show)
