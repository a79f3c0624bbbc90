"""Rules that keep the gradient but look into it (FullGrad) or bend it at rectifiers (guided backpropagation, deconvolution)."""
