"""Whether the files in compose/ fit each other, the tools that read them, and the code that they run."""
