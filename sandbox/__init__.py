"""One machine instead of a cloud: real engine, real control plane, the rest simulated."""
