"""Who is who: events in, the same events with the profile they belong to out."""
