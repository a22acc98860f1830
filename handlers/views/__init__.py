"""What is shown: pure functions, records in, Block Kit out."""
