"""Components that are built from Kubernetes objects. No cloud SDK is imported here."""
