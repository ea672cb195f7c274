"""The services of compose.yaml as plain processes on this machine, for people without Docker.

    python -m compose.stack up      # everything, until Ctrl-C
    python -m compose.stack load    # have all engines work, and account for every job

What runs, with which commands, environments, health checks and in which order, is read from compose.yaml.
How each image is run here is in `images/`, a module for each.
"""
