"""Figures that can be run again; each folder is one command."""
