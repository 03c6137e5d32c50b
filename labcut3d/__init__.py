"""From board videos to calibrated 3-D kinematics, for any number of cameras."""
