"""HyperDynamics' own locomotion numbers (tables 3, 5 and 6): mean ± standard deviation."""

from hyperdyn.training.presets import PAPER_TASKS

Paper = dict[str, dict[str, tuple[str, str]]]
"""Seen and novel, by task and model."""


def _by_task(rows: dict[str, str]) -> Paper:
    """From rows as the paper prints them: seen and novel, task after task."""
    numbers = {model: row.replace("±", " ± ").split() for model, row in rows.items()}
    words = {
        model: [" ".join(row[start : start + 3]) for start in range(0, len(row), 3)]
        for model, row in numbers.items()
    }
    return {
        task: {model: (row[2 * column], row[2 * column + 1]) for model, row in words.items()}
        for column, task in enumerate(PAPER_TASKS)
    }


_OURS = (
    "107.9±63.1 124.5±64.7 349.4±189.0 337.2±179.4 138.8±65.3 140.1±72.0 216.6±121.2 208.4±103.8"
)

PAPER_RETURNS = _by_task(
    {
        "expert_ensemble": (
            "104.1±59.2 76.9±42.4 354.6±182.9 321.4±171.3 "
            "142.1±77.9 124.2±71.9 219.0±113.2 179.3±87.2"
        ),
        "recurrent": (
            "64.4±21.0 76.6±38.1 292.5±132.1 279.7±132.4 "
            "133.9±68.4 142.1±66.1 176.4±87.7 170.5±89.1"
        ),
        "maml": (
            "55.3±24.5 62.7±37.7 291.3±143.0 297.1±151.9 "
            "104.5±45.2 110.4±53.2 180.2±91.2 171.0±87.1"
        ),
        "hyperdynamics": _OURS,
    }
)
"""Table 3."""

PAPER_CODES = _by_task(
    {
        "hyperdynamics": _OURS,
        "code-4": (
            "103.5±59.0 127.6±62.9 351.2±176.4 333.5±167.9 "
            "141.2±69.3 137.1±73.2 221.2±115.9 202.1±93.0"
        ),
        "code-8": (
            "112.1±64.0 122.9±59.9 363.7±173.6 329.8±173.1 "
            "134.5±63.8 134.9±75.8 214.2±124.1 206.7±97.3"
        ),
    }
)
"""Table 5."""

PAPER_ERRORS = _by_task(
    {
        "expert_ensemble": "3.4±0.6 26.1±6.4 5.4±0.8 12.0±6.1 8.9±3.6 25.4±9.2 14.2±4.7 41.7±13.2",
        "recurrent": "5.2±1.7 22.4±5.2 5.2±1.2 12.1±4.5 9.1±3.2 23.0±8.9 18.3±8.0 39.1±18.0",
        "maml": "5.7±2.2 21.0±9.2 5.1±1.3 12.4±6.7 12.8±5.2 29.1±11.2 18.9±7.2 42.3±19.7",
        "hyperdynamics": "3.5±0.6 17.9±7.3 5.6±1.0 11.3±4.7 9.3±3.4 22.8±7.9 14.7±5.3 33.2±14.2",
    }
)
"""Table 6, in hundredths of an unstated unit."""
