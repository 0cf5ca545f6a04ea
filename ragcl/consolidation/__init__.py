"""What is asked often into the weights: selection, study, distillation, verification, promotion."""
