"""Small demonstrations for policies for goals, and sizes that train in no time."""

import torch

from hyperdyn.training.goals.episodes import GoalEpisodes

TINY = {
    "latent_dim": 6,
    "encoder_hidden": 8,
    "proprioception_latent": 4,
    "hidden": (8, 8),
    "forward_hidden": 8,
    "embedding_dim": 8,
    "blocks": 2,
    "code_dim": 4,
    "codec_hidden": 8,
    "block_hidden": 8,
    "thought_width": 4,
}


def numbered(scene=(4,), lengths=(1, 4, 3)):
    """Episodes whose every number says which episode and time it is of."""
    times = 100.0 * torch.arange(len(lengths))[:, None] + torch.arange(max(lengths) + 1)
    wide = times.view(*times.shape, *[1] * len(scene)).expand(*times.shape, *scene)
    return GoalEpisodes(
        scenes=wide.to(torch.uint8).contiguous() if len(scene) == 3 else wide.contiguous(),
        proprioception=times[..., None].repeat(1, 1, 2),
        positions=times[..., None].repeat(1, 1, 2) / 100,
        actions=(times[:, :-1, None] / 500).repeat(1, 1, 3),
        lengths=torch.tensor(lengths),
    )
