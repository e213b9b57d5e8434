"""What stands behind the engine's resources: one provider process for each package."""
