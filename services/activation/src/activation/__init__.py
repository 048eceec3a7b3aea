"""Activation: decisions become deliveries, and what became of them comes back."""
