"""What several places share."""
