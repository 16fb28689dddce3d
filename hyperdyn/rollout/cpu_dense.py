"""The dense layer of one tile: a matrix-vector product whose sums stay in registers."""

from llvmlite import ir
from numba.core.cgutils import for_range_slice

from hyperdyn.rollout.cpu_activations import leaky_relu, relu
from hyperdyn.rollout.cpu_vectors import BYTES, FLOAT, INT, define, load, multiply_add, splat, store

KEEP, RELU, LEAKY_RELU, ADD = range(4)  # what is done with the sums: ADD adds them to what is there

# By the vectors of a tile: blocks of outputs summed at a time, and inputs taken a turn. Measured on
# Zen 3; blocks × 4 outputs × vectors must leave registers for the inputs.
BLOCKS = {1: 3, 2: 1, 3: 1}
TURN = {1: 1, 2: 8, 3: 1}


def dense_layer(module: ir.Module, width: int, rows: int, vectors: int) -> ir.Function:
    """Write y ← after(W x + b) for one tile: f(weights, x, y, inputs, blocks, after).

    The weights come in blocks of `rows` outputs: their biases, then for each input its weights. x
    has `inputs` rows of vectors × width lanes, y has blocks × rows of them; they do not overlap.
    """
    vector, align = ir.VectorType(FLOAT, width), width * BYTES

    def sum_blocks(builder: ir.IRBuilder, first: ir.Value, count: int) -> None:
        """Compute `count` blocks of outputs from the `first` on."""
        weights, _, y, inputs, _, after = builder.function.args
        block_bytes = builder.mul(builder.add(inputs, INT(1)), INT(rows * BYTES))
        bases = [
            builder.add(weights, builder.mul(builder.add(first, INT(block)), block_bytes))
            for block in range(count)
        ]
        # Each base is one row before the weights of the first input: the biases.
        sums = [
            splat(builder, load(builder, base, row * BYTES, FLOAT), width)
            for base in bases
            for row in range(rows)
            for _ in range(vectors)
        ]
        turn = TURN[vectors]
        whole = builder.sub(inputs, builder.srem(inputs, INT(turn)))
        sums = add_products(builder, bases, sums, INT(0), whole, turn)
        if turn > 1:
            sums = add_products(builder, bases, sums, whole, inputs, 1)
        target = builder.add(y, builder.mul(first, INT(rows * vectors * align)))
        finish(builder, target, after, sums)

    def add_products(
        builder: ir.IRBuilder,
        bases: list[ir.Value],
        sums: list[ir.Value],
        start: ir.Value,
        stop: ir.Value,
        turn: int,
    ) -> list[ir.Value]:
        """Add weight × input for the inputs from `start` to `stop`, `turn` at a time."""
        x = builder.function.args[1]
        before = builder.block
        body, done = (builder.function.append_basic_block(name) for name in ("products", "summed"))
        builder.cbranch(builder.icmp_signed("<", start, stop), body, done)

        builder.position_at_end(body)
        k = builder.phi(INT)
        running = [builder.phi(vector) for _ in sums]
        totals: list[ir.Value] = list(running)
        x_row = builder.add(x, builder.mul(k, INT(vectors * align)))
        weight_row = builder.mul(builder.add(k, INT(1)), INT(rows * BYTES))
        for step in range(turn):
            lanes = [
                load(builder, x_row, (step * vectors + v) * align, vector, align)
                for v in range(vectors)
            ]
            for block, base in enumerate(bases):
                for row in range(rows):
                    offset = (step * rows + row) * BYTES
                    number = load(builder, builder.add(base, weight_row), offset, FLOAT)
                    weight = splat(builder, number, width)
                    for v in range(vectors):
                        index = (block * rows + row) * vectors + v
                        totals[index] = multiply_add(builder, weight, lanes[v], totals[index])
        following = builder.add(k, INT(turn))
        builder.cbranch(builder.icmp_signed("<", following, stop), body, done)

        builder.position_at_end(done)
        k.add_incoming(start, before)
        k.add_incoming(following, body)
        results = []
        for phi, old, new in zip(running, sums, totals, strict=True):
            result = builder.phi(vector)
            for joined in (phi, result):
                joined.add_incoming(old, before)
                joined.add_incoming(new, body)
            results.append(result)
        return results

    def finish(
        builder: ir.IRBuilder, target: ir.Value, after: ir.Value, sums: list[ir.Value]
    ) -> None:
        """Store the sums the way `after` says."""
        end = builder.function.append_basic_block("stored")
        switch = builder.switch(after, end)
        for choice in (KEEP, RELU, LEAKY_RELU, ADD):
            case = builder.function.append_basic_block("store")
            switch.add_case(INT(choice), case)
            builder.position_at_end(case)
            for index, value in enumerate(sums):
                if choice == RELU:
                    value = relu(builder, value)
                elif choice == LEAKY_RELU:
                    value = leaky_relu(builder, value)
                elif choice == ADD:
                    value = builder.fadd(load(builder, target, index * align, vector, align), value)
                store(builder, value, target, index * align, align)
            builder.branch(end)
        builder.position_at_end(end)

    def emit(builder: ir.IRBuilder) -> None:
        blocks, together = builder.function.args[4], BLOCKS[vectors]
        whole = builder.sub(blocks, builder.srem(blocks, INT(together)))
        with for_range_slice(builder, INT(0), whole, INT(together), INT) as (first, _):
            sum_blocks(builder, first, together)
        if together > 1:
            with for_range_slice(builder, whole, blocks, INT(1), INT) as (first, _):
                sum_blocks(builder, first, 1)

    return define(module, f"dense_{width}_{rows}_{vectors}", 6, emit)
