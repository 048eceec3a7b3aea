"""Calls a web address, signed after Standard Webhooks; webhook-id is the delivery id: a receiver can drop repeats."""
