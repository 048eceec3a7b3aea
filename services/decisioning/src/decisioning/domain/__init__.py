"""The pure part: contact ledger, funnel, score, decision."""
