"""What tests of applications and plugins use."""
