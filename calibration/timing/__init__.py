"""When images were really taken: time stamps, offsets and drifts of clocks, delays."""
