"""What travels between the parts: socket messages, the frame header, grants."""
