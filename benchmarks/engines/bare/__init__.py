"""Each engine by itself, one module an engine: the no-op, how it is enqueued, and its own worker's command.

Settings are those that the engine's documentation recommends for production: acknowledged late where it can,
no results kept, no line of log a job.
"""
