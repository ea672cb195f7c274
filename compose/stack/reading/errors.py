"""What is wrong with compose.yaml, or with what it needs."""


class ComposeError(Exception):
    """The file cannot be run as it is; the message says where and why."""
