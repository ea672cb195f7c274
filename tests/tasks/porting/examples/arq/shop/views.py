import arq  # found: mechanical


async def buy(request, queue):
    pool = await arq.create_pool(arq.connections.RedisSettings())  # found: mechanical
    job = await pool.enqueue_job(  # found: mechanical
        "send_receipt",
        7,
        _defer_by=60,  # found: mechanical
        _job_id="receipt-7",  # found: decision
    )
    await queue.enqueue_job("charge", 7)  # found: perhaps mechanical
    await job.abort()  # found: mechanical
    return await job.result(timeout=5)  # found: decision
