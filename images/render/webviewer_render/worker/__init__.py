"""Worker processes: decoding, drawing and encoding outside the process that serves sessions."""
