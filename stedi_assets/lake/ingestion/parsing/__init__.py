"""From the bytes of a landing file to the texts of its records, whatever its packing, encoding and shape.

Here belongs what is true of JSON files in general. What a record must have to become a row is in
`ingestion.records`. The engine's workers run this room, so it uses the standard library and PyArrow only.
"""
