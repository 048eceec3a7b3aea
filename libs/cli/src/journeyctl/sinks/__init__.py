"""Local channel servers for the demo and for tests: they keep what arrived, and can be asked for it.

`python -m journeyctl.sinks.mail` is an SMTP server, `python -m journeyctl.sinks.hooks` a receiver of webhooks. What
they answered for is on disk, so they may be killed and started again. They are no part of an installation.
"""
