"""Looking at jobs and queues and steering them: what the command line, the admin and the console share."""
