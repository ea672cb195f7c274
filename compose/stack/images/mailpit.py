"""Mailpit if it is on PATH; else a plain mail catcher, which keeps mails as files and has no page."""

import os
import shutil
import sys
from dataclasses import replace

from compose.stack.plan import Plan

ASK = "import smtplib, sys; smtplib.SMTP(sys.argv[1], int(sys.argv[2])).noop()"


def run_here(plan: Plan) -> None:
    """Take mails, and send none on."""
    if program := shutil.which("mailpit"):
        plan.command = [program]
        plan.health = plan.health and replace(plan.health, command=[program, *plan.health.command[1:]])
        return
    folder = plan.places.at("/data") / "mails"
    address = plan.environment["MP_SMTP_BIND_ADDR"]
    plan.command = [sys.executable, "-m", "aiosmtpd", "--listen", address]
    plan.command += ["--class", "aiosmtpd.handlers.Mailbox", str(folder)]
    if os.geteuid() == 0:
        plan.command.insert(3, "--nosetuid")
    host, _, port = address.partition(":")
    plan.health = plan.health and replace(plan.health, command=[sys.executable, "-c", ASK, host, port])
    plan.keeps = folder
    plan.about = f"mails are files in {folder}/new; with mailpit on PATH they would have a page"
