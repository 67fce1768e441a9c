"""What each layer can spare: curves of damage by sparsity and bits, estimated at once and then measured.

`settings` says what is tried of a layer, `candidates` makes its weights as a run would, `samples` and
`border` hold what all what-ifs share, `probe` runs one layer's what-ifs, `figures` turns answers into figures
with intervals from as few samples as they need, `link` tells what damage costs in points, `analyze` puts the
work in order.
"""
