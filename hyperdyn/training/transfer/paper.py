"""What the paper has to compare with (GenHyper, table I, and its text on figure 6)."""

PAPER_RETURNS: dict[str, dict[str, float]] = {
    "cheetah-vel": {"15": -40.33, "25": -37.05, "35": -34.84},
    "ant-dir": {"15": 452.32, "25": 478.45, "35": 496.65, "45": 505.64},
}
"""Mean returns of HypLatent on the test tasks, by training tasks; five seeds."""
PAPER_OTHERS: dict[str, dict[str, float]] = {
    "cheetah-vel": {"Prompt-DT": -34.43, "MACAW, 20,000 iterations": -60.5},
    "ant-dir": {"Prompt-DT": 409.81, "MACAW, 20,000 iterations": 376.5},
}
"""The same of the methods that it compares with."""
PAPER_TUNING: dict[str, str] = {
    "cheetah-vel": "near the best within 50,000 iterations, SAC after more than 100,000",
    "ant-dir": "600 within 100,000 iterations, SAC 400 after 200,000",
}
"""What its text says of two of the test tasks; three seeds."""
