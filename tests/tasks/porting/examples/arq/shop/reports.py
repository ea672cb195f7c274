async def add_up(ctx):  # found: mechanical
    return ctx
