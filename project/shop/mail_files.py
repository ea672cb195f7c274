"""An e-mail backend for development: every mail becomes a file that any mail program opens."""

import re
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class MailFiles(BaseEmailBackend):
    """Write each message to <SHOP_MAIL_FOLDER>/<its Message-ID>.eml."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages; return how many there were."""
        settings.SHOP_MAIL_FOLDER.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            self.write(message)
        return len(email_messages)

    def write(self, email_message: EmailMessage) -> None:
        """Write one message; sent again under the same Message-ID, it replaces the first."""
        message = email_message.message()
        name = re.sub(r"[^\w.-]", "_", message["Message-ID"].strip("<>").partition("@")[0])
        (settings.SHOP_MAIL_FOLDER / f"{name}.eml").write_bytes(message.as_bytes())
