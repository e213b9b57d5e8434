"""Components that are built from AWS resources."""
