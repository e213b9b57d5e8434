"""One machine instead of a cloud: the real Pulumi engine and Kubernetes control plane, the rest simulated."""
