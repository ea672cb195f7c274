"""The past of the charts: what each process did, counted in small steps of time, and read back as series."""
