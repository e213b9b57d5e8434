"""What Google does of itself with a GKE cluster: its node pools, and what it serves beside them."""
