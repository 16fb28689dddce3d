"""Fine-tuning: generated policies that learn on in their task, beside learning from scratch."""
