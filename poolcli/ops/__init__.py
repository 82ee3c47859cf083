"""Pooling and filtering of arrays with NumPy: no files, no Pillow, no printing."""
