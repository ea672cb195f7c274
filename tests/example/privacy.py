"""Hooks that say what may be shown of a job's arguments."""


def hide_orders(task, args, kwargs):
    """Show of orders no more than their last digit, and sort a list that is not ours."""
    kwargs.pop("noise", None)
    if "order" in kwargs:
        kwargs["order"] = f"…{str(kwargs['order'])[-1:]}"
    if task.endswith(".bill"):
        args = [f"…{str(value)[-1:]}" for value in args]
    return args, kwargs


def hide_bills(task, args, kwargs):
    """Show nothing that a bill gets by position."""
    return ["hidden" for _ in args] if task.endswith(".bill") else args, kwargs


def fail(task, args, kwargs):
    raise ValueError(f"cannot hide {args} {kwargs}")


def return_nothing(task, args, kwargs):
    pass


def return_no_json(task, args, kwargs):
    return [object()], {}


NO_FUNCTION = "•••"
