"""HyPoGen's two forms, against the released formula and the paper's written out by hand."""

import numpy as np
import pytest
import torch

from hyperdyn.policies.hypogen_block import thought_widths
from tests.policies.families import ACTION, OBSERVATION, fitted, linear_tasks

CONDITIONS = torch.tensor([[-0.7], [1.3]])


def numbers(model):
    return {name: value.double().numpy() for name, value in model.state_dict().items()}


def two(weights, name, x):
    """A network with one rectified hidden layer."""
    hidden = weights[f"{name}.0.weight"] @ x + weights[f"{name}.0.bias"]
    return weights[f"{name}.2.weight"] @ np.maximum(hidden, 0) + weights[f"{name}.2.bias"]


def embedded(model, row):
    return model.encoder(CONDITIONS[row : row + 1])[0].detach().double().numpy()


def changes(weights, k, widths, code_dim, phi, codes, gradient, *, sliced):
    """ψ of block k: a pass forward, then a pass backward, layer by layer."""
    block, last = f"blocks.{k}", len(widths) - 1
    z = [two(weights, f"{block}.first_input", phi)]
    for n in range(last):
        z.append(two(weights, f"{block}.next_input.{n}", np.concatenate([z[n], codes[n]])))
    found = [None] * len(widths)
    for n in range(last, -1, -1):
        q, p = widths[n]
        seen = np.concatenate([z[n], codes[n]])
        by_parameters = two(weights, f"{block}.by_parameters.{n}", seen).reshape(code_dim, p)
        found[n] = by_parameters @ gradient
        if n == 0:
            break
        by_inputs = two(weights, f"{block}.by_inputs.{n - 1}", seen).reshape(q, p)
        if sliced:
            rows = [np.concatenate([gradient, by_inputs[i]]) for i in range(q)]
            gradient = np.array([two(weights, f"{block}.slices.{n - 1}", row)[0] for row in rows])
        else:
            gradient = by_inputs @ gradient
    return found


def normed(x, scale, shift):
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * scale + shift


@pytest.mark.parametrize("hidden", [(4,), (4, 6)])
def test_the_raw_form_is_the_released_formula(hidden):
    model = fitted("hypogen_raw", hidden=hidden)
    weights, sizes = numbers(model), model.config
    # Larger steps than it begins with, and norms that do something, so that all of it matters.
    generator = torch.Generator().manual_seed(1)
    model.step_sizes.data = torch.randn(sizes.blocks, generator=generator)
    for parameter in model.norms.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    weights = numbers(model)
    layers = model.config.network.layers
    widths = thought_widths(layers, sizes.thought_width)
    stages = model.stages(CONDITIONS)
    assert stages.shape == (sizes.blocks + 1, 2, sizes.network.num_parameters)
    for row in range(2):
        phi = embedded(model, row)
        theta, start = [], 0
        for q, p in layers:
            theta.append(weights["start"][start : start + q * p + p])
            start += q * p + p
        for k in range(sizes.blocks):
            codes = [two(weights, f"encoders.{n}", layer) for n, layer in enumerate(theta)]
            gradient = two(weights, f"output_gradients.{k}", phi)
            found = changes(weights, k, widths, sizes.code_dim, phi, codes, gradient, sliced=True)
            for n, (q, p) in enumerate(layers):
                decoded = two(weights, f"decoders.{n}", found[n])
                parts = (decoded[: q * p], decoded[q * p :])
                names = (f"norms.{2 * n}", f"norms.{2 * n + 1}")
                update = [
                    normed(part, weights[f"{name}.weight"], weights[f"{name}.bias"])
                    for part, name in zip(parts, names, strict=True)
                ]
                theta[n] = theta[n] + weights["step_sizes"][k] * np.concatenate(update)
            wanted = torch.from_numpy(np.concatenate(theta)).float()
            torch.testing.assert_close(stages[k + 1, row], wanted, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(model.networks(CONDITIONS), stages[-1])


def test_raw_steps_begin_small_and_backward():
    assert fitted("hypogen_raw").step_sizes.tolist() == pytest.approx([-0.01] * 3)


@pytest.mark.parametrize("hidden", [(4,), (4, 6)])
def test_the_latent_form_is_the_papers_equations(hidden):
    model = fitted("hypogen_latent", hidden=hidden)
    weights, sizes, layers = numbers(model), model.config, model.config.network.layers
    widths = thought_widths(layers, sizes.thought_width)
    stages = model.stages(CONDITIONS)
    for row in range(2):
        phi, codes, start = embedded(model, row), [], 0
        for n, (q, p) in enumerate(layers):
            layer = weights["start"][start : start + q * p + p]
            codes.append(two(weights, f"encoders.{n}", layer))
            start += q * p + p
        for k in range(sizes.blocks + 1):
            decoded = [two(weights, f"decoders.{n}", code) for n, code in enumerate(codes)]
            wanted = torch.from_numpy(np.concatenate(decoded)).float()
            torch.testing.assert_close(stages[k, row], wanted, rtol=1e-4, atol=1e-5)
            if k < sizes.blocks:
                step = two(weights, f"steps.{k}", np.concatenate([phi, *codes]))
                found = changes(weights, k, widths, sizes.code_dim, phi, codes, step, sliced=False)
                codes = [code + change for code, change in zip(codes, found, strict=True)]
    torch.testing.assert_close(model.networks(CONDITIONS), stages[-1])


@pytest.mark.parametrize("kind", ["hypogen_raw", "hypogen_latent"])
def test_the_loss_is_that_of_the_last_stage(kind):
    model = fitted(kind)
    conditions, shown = linear_tasks(torch.tensor([-4.0, 6.0]))
    stages = model.stages(model.standardiser.conditions(conditions))
    errors = []
    for parameters in stages:
        actions = model.fold(parameters).act(shown.observations)
        errors.append((actions - shown.actions).square().mean().item())
    loss = model.loss(conditions, shown, generator=torch.Generator())
    assert loss.item() == pytest.approx(errors[-1], rel=1e-4)
    assert len(set(errors)) == len(errors)


@pytest.mark.parametrize("kind", ["hypogen_raw", "hypogen_latent"])
def test_the_result_depends_on_where_the_updates_begin(kind):
    """It is no fixed set of parameters for a task (paper, section 5.4, its first question)."""
    model = fitted(kind)
    before = model.networks(CONDITIONS)
    model.start.data += 0.5
    after = model.networks(CONDITIONS)
    moved = after - before - (0.5 if kind == "hypogen_raw" else 0.0)
    assert moved.abs().max() > 1e-6


def test_outer_widths_are_the_policys_own():
    widths = thought_widths(((OBSERVATION, 8), (8, 9), (9, ACTION)), 5)
    assert widths == ((OBSERVATION, 5), (5, 5), (5, ACTION))
