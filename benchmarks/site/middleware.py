"""A middleware as there are many: it does not know of async stacks."""


def sync_only(get_response):
    """Pass on."""

    def middleware(request):
        return get_response(request)

    return middleware
