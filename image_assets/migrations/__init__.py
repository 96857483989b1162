"""Stores of earlier versions are made ones of today's: tables, and what else lies in them."""
