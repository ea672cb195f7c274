"""Grafana's dashboards, written as Python so that panels stay alike: `python -m monitoring.grafana.source`.

Grafana's own types come from its SDK, for version 10.1: later ones read these dashboards as well.
"""
