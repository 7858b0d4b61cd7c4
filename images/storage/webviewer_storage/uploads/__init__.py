"""Resumable uploads and what is unpacked from them."""
