"""Stage 2: frames -> 2-D detections, by transfer learning from packaged ImageNet weights.

`training.train_detector` learns a `detector.Detector` from labelled images, `inference` applies it
to recordings, `evaluation` measures it. Importing this package does not import torch.
"""
