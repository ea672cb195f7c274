"""What people watch and steer by: metrics, health, console, HTTP API, live updates."""
