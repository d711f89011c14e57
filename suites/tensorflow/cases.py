"""The cases: each a name, a function of tensors, its inputs and what it takes of variables."""

import numpy as np
import tensorflow as tf

from models import models
from operators import operators


class Case:
    """`make(rng)` gives a module, a function, and the arrays that it is called on. The first size
    of each input is open unless `fixed` is set."""

    def __init__(self, name, make, fixed=False):
        self.name, self.make, self.fixed = name, make, fixed

    def build(self, rng):
        self.module, function, self.inputs = self.make(rng)
        names = "abcdefgh"[: len(self.inputs)]

        def spec(name, array):
            array = np.asarray(array)
            dtype = tf.string if array.dtype.kind in "OS" else tf.as_dtype(array.dtype)
            shape = list(array.shape)
            if shape and not self.fixed:
                shape[0] = None
            return tf.TensorSpec(shape, dtype, name=name)

        self.specs = [spec(n, a) for n, a in zip(names, self.inputs)]

        def outputs(*args):
            made = function(*args)
            made = made if isinstance(made, (list, tuple)) else [made]
            return {f"output_{at}": x for at, x in enumerate(made)}

        self.function = tf.function(outputs)
        self.module.function = self.function


def cases(form):
    made = []
    names = set()

    def case(name, make, fixed=False, forms=("frozen",)):
        assert name not in names, name
        names.add(name)
        if form in forms:
            made.append(Case(name, make, fixed))

    operators(case)
    models(case)
    return made
