"""A mixed load on every engine, and the account of each job in it.

`mix` says what is enqueued and what must become of it. `tasks` are the jobs: each run leaves a line in the
`ledger`, where it is counted from outside the database. `shop` has the shop's own jobs done, `killing` kills
workers meanwhile, `account` compares, `driver` does it all in order.
"""
