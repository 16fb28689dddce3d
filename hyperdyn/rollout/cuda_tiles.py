"""The Triton kernel: all steps of a tile of candidates of one system, in one program.

A tile has one column for each candidate, and as rows its state columns, the actions of the step,
and zeros up to a power of two. The weights of the system are read once and stay in shared memory
while the time loop runs; hidden values never leave the program. Widths are filled up to powers of
two with zeros, which every activation keeps at zero.
"""

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check  # Triton compiles these as they stand
def _activate(x, activation: tl.constexpr):
    """What torch computes, NaN and infinity included."""
    if activation == "relu":
        y = tl.where(x <= 0.0, 0.0, x)
    elif activation == "leaky_relu":
        y = tl.where(x > 0.0, x, 0.01 * x)
    elif activation == "silu":
        y = x / (1.0 + tl.exp(-x))
    else:  # tanh; near zero the polynomial of Cephes, as the exponential would lose digits
        square = x * x
        near = -5.70498872745e-3 * square + 2.06390887954e-2
        near = near * square - 5.37397155531e-2
        near = near * square + 1.33314422036e-1
        near = near * square - 3.33332819422e-1
        near = near * square * x + x
        far = 1.0 - 2.0 / (tl.exp(2.0 * tl.abs(x)) + 1.0)
        far = tl.where(x < 0.0, -far, far)
        y = tl.where(tl.abs(x) < 0.625, near, far)
    return y


@triton.jit
@no_type_check
def _weights(parameters, inputs, layer: tl.constexpr, sizes: tl.constexpr, widths: tl.constexpr):
    """Weight and bias of a layer whose numbers start at `parameters`, zero where there are none.

    `inputs` has for each row of a tile the place it has in the network's input, or -1.
    """
    ROWS: tl.constexpr = widths[layer + 1]
    COLUMNS: tl.constexpr = widths[layer]
    OUTPUTS: tl.constexpr = sizes[layer + 1]
    INPUTS: tl.constexpr = sizes[layer]
    row = tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, COLUMNS)[None, :]
    if layer == 0:
        column = tl.load(inputs + column)
    there = (row < OUTPUTS) & (column >= 0) & (column < INPUTS)
    weight = tl.load(parameters + row * INPUTS + column, mask=there, other=0.0)
    bias = tl.load(parameters + OUTPUTS * INPUTS + row, mask=row < OUTPUTS, other=0.0)
    return weight, bias


@triton.jit
@no_type_check
def _act(actions, mean, std, low, high, key, at, entry, row, is_action, there, draw: tl.constexpr):
    """Actions of a step in their rows of a tile, zero elsewhere: read, or drawn and written.

    `at` are places in the actions [E, N, H, A], `entry` in the system's mean and deviation [H, A],
    `row` in the bounds [A]. Noise depends on the key and the place, whatever the size of a tile.
    """
    if draw:
        least = tl.load(low + row, mask=is_action, other=0.0)
        most = tl.load(high + row, mask=is_action, other=0.0)
        noise = tl.randn(key, at) * tl.load(std + entry, mask=is_action, other=0.0)
        drawn = tl.load(mean + entry, mask=is_action, other=0.0) + noise
        values = tl.minimum(tl.maximum(drawn, least), most)
        values = tl.where(is_action, values, 0.0)
        tl.store(actions + at, values, mask=is_action & there)
    else:
        values = tl.load(actions + at, mask=is_action, other=0.0)
    return values


@triton.jit
@no_type_check
def _step_terms(total, x, change_of_action, terms, row, counts: tl.constexpr, power: tl.constexpr):
    """Add what one step is worth; `terms` is a block of `cuda_terms`, one row of x a column."""
    WIDTH: tl.constexpr = x.shape[0]
    SQUARES: tl.constexpr = counts[2]
    OUTSIDES: tl.constexpr = counts[3]
    ORIENTATIONS: tl.constexpr = counts[4]
    if counts[1]:
        weight = tl.load(terms + WIDTH + row)
        total += weight * change_of_action * change_of_action
    at = terms + 2 * WIDTH + row
    for _ in tl.static_range(SQUARES):
        off = x - tl.load(at + WIDTH)
        total += tl.load(at) * off * off
        at += 2 * WIDTH
    for _ in tl.static_range(OUTSIDES):
        off = tl.maximum(tl.load(at + WIDTH) - x, x - tl.load(at + 2 * WIDTH))
        off = tl.maximum(off, 0.0)
        if power == 2:
            off = off * off
        total += tl.load(at) * off
        at += 3 * WIDTH
    for _ in tl.static_range(ORIENTATIONS):
        along = tl.sum(tl.load(at + WIDTH) * x, axis=0)[None, :]
        size = tl.sum(tl.load(at + 2 * WIDTH) * x * x, axis=0)[None, :]
        off = 4.0 * tl.load(at) * (1.0 - along * along / size)
        total += tl.where(row == 0, off, 0.0)
        at += 3 * WIDTH
    return total


@triton.jit
@no_type_check
def _sum_up(total, x, start, terms, row, counts: tl.constexpr):
    """Sums of the candidates, with what depends on the first and the last state alone."""
    if counts[0]:
        weight = tl.load(terms + row)
        total += tl.where(weight != 0.0, weight * (x - start), 0.0)
    return tl.sum(total, axis=0)


@triton.jit(do_not_specialize=["samples", "horizon", "tiles", "key"])
@no_type_check
def roll(
    parameters,
    states,
    actions,
    inputs,
    trajectories,
    terms,
    returns,
    violations,
    mean,
    std,
    low,
    high,
    key,
    samples,
    horizon,
    tiles,
    sizes: tl.constexpr,
    widths: tl.constexpr,
    state_dim: tl.constexpr,
    action_dim: tl.constexpr,
    count: tl.constexpr,
    activation: tl.constexpr,
    precision: tl.constexpr,
    block: tl.constexpr,
    soft: tl.constexpr,
    hard: tl.constexpr,
    write: tl.constexpr,
    add_up: tl.constexpr,
    draw: tl.constexpr,
):
    """Roll one tile of block candidates forward; `tiles` programs serve each system.

    Args:
        parameters: [E, P] in the layout of `hyperdyn.networks`.
        states: [E, S].
        actions: [E, N, H, A]; read, or written if draw.
        inputs: [W], for each row of a tile its place in the network's input, or -1.
        trajectories: [E, N, H + 1, S], written if write.
        terms: Blocks of rows of W numbers, see `cuda_terms`; read if add_up.
        returns: [E, N], written if add_up.
        violations: [E, N], written if add_up.
        mean: [E, H, A], read if draw, as the next three.
        std: [E, H, A].
        low: [A].
        high: [A].
        key: Which noise is drawn.
        samples: N.
        horizon: H.
        tiles: Programs a system has.
        sizes: Widths of the network, from input to output.
        widths: Powers of two no less than those; the first and the last are W, rows of a tile.
        state_dim: S.
        action_dim: A.
        count: P.
        activation: Name of the hidden activation.
        precision: How float32 matrices are multiplied.
        block: Columns of a tile.
        soft: What the first block of terms holds, see `cuda_terms`.
        hard: What the second block holds.
        write: Whether trajectories are wanted.
        add_up: Whether returns and violations are wanted.
        draw: Whether actions are drawn.
    """
    WIDTH: tl.constexpr = widths[0]
    LAYERS: tl.constexpr = len(sizes) - 1
    program = tl.program_id(0).to(tl.int64)
    system = program // tiles
    number = (program - system * tiles) * block + tl.arange(0, block)
    there = number < samples
    number = system * samples + tl.minimum(number, samples - 1)  # the last tile repeats its last
    candidate = number[None, :]
    inside = there[None, :]

    row = tl.arange(0, WIDTH)[:, None]
    is_state = row < state_dim
    is_action = (row >= state_dim) & (row < state_dim + action_dim)
    seen = tl.load(inputs + row) >= 0
    place = row - state_dim
    action_at = candidate * (horizon * action_dim) + place
    entry = system * (horizon * action_dim) + place
    state_at = candidate * ((horizon + 1) * state_dim) + row

    x = tl.load(states + system * state_dim + row, mask=is_state, other=0.0)
    x = x + tl.full([WIDTH, block], 0.0, tl.float32)
    start = x
    gain = tl.full([WIDTH, block], 0.0, tl.float32)
    excess = tl.full([WIDTH, block], 0.0, tl.float32)
    if write:
        tl.store(trajectories + state_at, x, mask=is_state & inside)

    hard_terms = terms
    if add_up:
        hard_terms += (2 + 2 * soft[2] + 3 * soft[3] + 3 * soft[4]) * WIDTH
    held = ()
    weights_at = parameters + system * count
    for LAYER in tl.static_range(LAYERS):
        weight_and_bias = _weights(weights_at, inputs, LAYER, sizes, widths)
        held = held + (weight_and_bias,)  # noqa: RUF005 - Triton knows no other way
        weights_at += sizes[LAYER + 1] * (sizes[LAYER] + 1)

    a = tl.full([WIDTH, block], 0.0, tl.float32)
    if horizon > 0:
        a = _act(
            actions, mean, std, low, high, key, action_at, entry, place, is_action, inside, draw
        )
    for step in range(horizon):
        x = tl.where(is_action, a, x)
        following = a
        if step + 1 < horizon:  # read before the products, as it takes longer than one of them
            action_at += action_dim
            entry += action_dim
            following = _act(
                actions, mean, std, low, high, key, action_at, entry, place, is_action, inside, draw
            )
        y = tl.where(seen, x, 0.0)
        for LAYER in tl.static_range(LAYERS):
            weight, bias = held[LAYER]
            y = tl.dot(weight, y, input_precision=precision) + bias
            if LAYER < LAYERS - 1:
                y = _activate(y, activation)
            if widths[LAYER + 1] > sizes[LAYER + 1]:  # there, infinity has made NaN of zeros
                y = tl.where(tl.arange(0, widths[LAYER + 1])[:, None] < sizes[LAYER + 1], y, 0.0)
        x = x + y
        if write:
            state_at += state_dim
            tl.store(trajectories + state_at, x, mask=is_state & inside)
        if add_up:
            # Now x holds the state after the action, and the action.
            change = following - a
            gain = _step_terms(gain, x, change, terms, row, soft, 2)
            excess = _step_terms(excess, x, change, hard_terms, row, hard, 1)
        a = following

    if add_up:
        total = _sum_up(gain, x, start, terms, row, soft)
        beyond = _sum_up(excess, x, start, hard_terms, row, hard)
        # States add up: what was once not finite still is.
        largest = tl.sum(tl.where(is_state, x * 0.0, 0.0), axis=0)
        finite = tl.abs(total + beyond * 0.0 + largest) < float("inf")
        tl.store(returns + number, tl.where(finite, total, float("-inf")), mask=there)
        tl.store(violations + number, tl.where(finite, beyond, float("inf")), mask=there)
