"""The catalogue of what changes a whole network: called with one, and with data where needed."""

from __future__ import annotations

from lookslinear.catalogue.entry import Entry

#: What `training` holds.
NETWORKS: tuple[Entry, ...] = ()
