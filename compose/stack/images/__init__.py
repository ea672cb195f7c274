"""How each image is run on this machine, in a module of its name.

`run_here(plan)` completes the plan of a service: which program its image brings, and what else that must be
told where it is not alone on a machine. Where an image sets variables or holds files that compose.yaml
speaks of, `environment()` and `PLACES` say which.
"""
