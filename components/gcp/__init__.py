"""Components of Google Cloud."""
