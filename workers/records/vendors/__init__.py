"""Records of other systems that are nested, flattened to fields that we know; flat ones need only `aliases.py`.

One file a system. Values are only moved here: the record's model checks them.
"""
