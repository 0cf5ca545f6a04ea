"""What is measured, and the demo."""
