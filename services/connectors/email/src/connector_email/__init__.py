"""Sends Cairn's e-mails by SMTP; a doubt is settled by asking for the Message-ID."""
