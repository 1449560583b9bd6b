"""What initialisations are made of: families of laws, the registry, promises that a checker tries.

`initialisations` is the door: it fills `initD` from the families here.
"""
