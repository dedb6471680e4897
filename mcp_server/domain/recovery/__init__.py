"""What becomes of a change whose server stopped: decisions without any input or output."""
