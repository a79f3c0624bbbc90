"""Rules on operations, carried by the running forward pass.

:mod:`operations` names what a forward may call, :mod:`interceptor` catches each call, opens composites (:mod:`bodies`) and undoes in-place
writing, and a rule set says what the backward of an operation is: one folder for each.
"""
