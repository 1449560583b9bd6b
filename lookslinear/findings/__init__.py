"""What `lookslinear.checks` is made of: (blocks of draws, law) -> findings.

`verdicts` holds what a check says, `numbers` the tests of standard normal numbers and fair coins,
`frames` those of Haar frames, `spheres` of vectors of one norm, `convolutions` of kernels that keep
norms.
"""
