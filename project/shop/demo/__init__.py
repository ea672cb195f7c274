"""The shop's main job from nothing: import a year of orders, report on them, mail every customer."""
