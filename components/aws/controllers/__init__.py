"""Controllers that work on AWS from within the cluster: each a Helm release with its own role."""
