"""Bundle adjustment: cameras and all that they see refined together, with their covariance."""
