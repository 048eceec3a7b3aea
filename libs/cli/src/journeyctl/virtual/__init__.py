"""Customers who live in process: the engines of journeys and decisions, and a model of delivery. Nothing is sent."""
