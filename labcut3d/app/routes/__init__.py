"""The pages and what they ask for: one router a file."""
