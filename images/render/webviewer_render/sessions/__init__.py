"""Sessions, their tabs and viewports: what is drawn when, and how fast it is sent."""
