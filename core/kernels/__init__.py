"""Times of single kernels on this computer: each is run once alone, and kept for every later model.

`fragment` makes the small network that has one node as the engine writes it, `clock` times it, `shelf` keeps
what was found, `table` does so for all nodes of a model. What a plan takes follows from it in
`core.kernel_model`.
"""
