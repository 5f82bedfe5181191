"""The scanner: looks for values of people in every byte below some places.

It shares no code with the eraser and imports nothing of the lake, so that a mistake in one is not repeated in
the other.
"""
