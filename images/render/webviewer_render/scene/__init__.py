"""Pictures as pure functions: the stack of a series, and the frame of a ViewState."""
