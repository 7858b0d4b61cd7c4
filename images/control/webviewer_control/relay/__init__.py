"""``/eventQueue``: the conversation of a browser tab with a render node, through control."""
