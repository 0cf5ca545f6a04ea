"""Model files on this machine, the trained reader, and the hardware that models run on."""
