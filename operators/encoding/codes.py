"""Codes: a value of a record as one byte, its bin in the reference or why it has none.

0 ... 249   bin of a numeric signal (position among its edges) or category (position in the profile's list)
251 ABSENT  the source of the record does not carry the signal: counted nowhere
252 OTHER   a category of the reference beyond those named in the profile
253 UNSEEN  a category that the reference does not have
254 INVALID present, but not of the type expected, or not finite
255 MISSING absent or null
"""

ABSENT = 251
OTHER = 252
UNSEEN = 253
INVALID = 254
MISSING = 255
CODES = 256  # width of a count table
