"""Arithmetic about fleets: what nodes hold, what fits on them. It knows no Pulumi."""
