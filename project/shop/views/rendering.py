"""Rendering from async views."""

from asgiref.sync import sync_to_async
from django.shortcuts import render

# Templates look at request.user and at the session, which ask the database: no place for that in
# an event loop.
arender = sync_to_async(render, thread_sensitive=True)
