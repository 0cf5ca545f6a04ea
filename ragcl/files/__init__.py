"""Files on this machine: places, hashes, writing them whole."""
