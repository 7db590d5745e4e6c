"""Look inside a Keras network: where it looks, what it answers to, and whether to trust that.

==============  ===================================================================================
`attribution`   which pixels an answer hangs on: gradients, integrated gradients, Grad-CAM
`stimuli`       which picture excites a layer the most
`trust`         whether such a map deserves belief
`rewire`        networks with another backward pass, another end, or a cut
`keras_vis`     the calls of keras-vis 0.4.1, for old notebooks
`backend`       gradients and compilation on TensorFlow, JAX and PyTorch
==============  ===================================================================================

Needs Keras 3, numpy, and for some modules SciPy, matplotlib or Pillow; nothing else of this course.
"""
