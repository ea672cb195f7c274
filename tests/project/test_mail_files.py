"""The development mail backend."""

from email import message_from_bytes

from django.core.mail import EmailMessage

from shop.mail_files import MailFiles


def test_each_message_is_one_file_even_if_sent_twice(settings):
    messages = [
        EmailMessage("Hello", "Text", to=["a@example.com"], headers={"Message-ID": f"<r/{number}@shop>"})
        for number in (1, 2, 2)
    ]

    assert MailFiles().send_messages(messages) == 3

    files = sorted(settings.SHOP_MAIL_FOLDER.iterdir())
    assert [file.name for file in files] == ["r_1.eml", "r_2.eml"]
    assert message_from_bytes(files[0].read_bytes())["To"] == "a@example.com"
