"""Study: hot chunks to training rows."""
