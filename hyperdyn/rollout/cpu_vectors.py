"""LLVM vector code for the CPU kernel: the products, activations and transpositions of one tile.

A tile holds its values feature by feature, the candidate sequences side by side as SIMD lanes. Each
function here writes one LLVM function into the module being compiled. No fast-math flag is set and no
value crosses lanes, so a NaN stays in the candidate that made it, and every candidate goes through the
same operations in the same order whatever stands beside it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llvmlite import ir

FLOAT, INT = ir.FloatType(), ir.IntType(64)
BYTES = 4  # of a float32
STRIP = 8  # candidates and columns transposed at a time

NONE, RELU, LEAKY_RELU, ADD = 0, 1, 2, 3  # what a dense layer does to its result
TANH, SILU = 4, 5  # passes over a finished layer
LEAKY_SLOPE = 0.01  # torch's default


def _function(
    module: ir.Module, name: str, arguments: int, emit: Callable[[ir.IRBuilder], None]
) -> ir.Function:
    """Get or write a function of integer arguments that returns nothing."""
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [INT] * arguments), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    emit(builder)
    builder.ret_void()
    return function


@contextmanager
def _loop(
    builder: ir.IRBuilder, start: ir.Value, stop: ir.Value, step: int
) -> Iterator[ir.Value]:
    """Repeat the body for an index in range(start, stop, step); values live in memory or registers."""
    index = builder.alloca(INT)
    builder.store(start, index)
    function = builder.function
    test, body, after = (function.append_basic_block(name) for name in ("test", "body", "after"))
    builder.branch(test)
    builder.position_at_end(test)
    builder.cbranch(builder.icmp_signed("<", builder.load(index), stop), body, after)
    builder.position_at_end(body)
    current = builder.load(index)
    yield current
    builder.store(builder.add(current, INT(step)), index)
    builder.branch(test)
    builder.position_at_end(after)


def _pointer(builder: ir.IRBuilder, address: ir.Value, offset: ir.Value | int, kind: ir.Type) -> ir.Value:
    """Pointer to `kind`, `offset` bytes from an address."""
    offset = INT(offset) if isinstance(offset, int) else offset
    return builder.inttoptr(builder.add(address, offset), kind.as_pointer())


def _load(
    builder: ir.IRBuilder, address: ir.Value, offset: ir.Value | int, kind: ir.Type, align: int = BYTES
) -> ir.Value:
    return builder.load(_pointer(builder, address, offset, kind), align=align, typ=kind)


def _store(
    builder: ir.IRBuilder, value: ir.Value, address: ir.Value, offset: ir.Value | int, align: int = BYTES
) -> None:
    builder.store(value, _pointer(builder, address, offset, value.type), align=align)


def _splat(builder: ir.IRBuilder, value: ir.Value, width: int) -> ir.Value:
    """The same number in every lane."""
    vector = ir.VectorType(FLOAT, width)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def _multiply_add(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """a·b + c, fused where the processor can."""
    name = f"llvm.fmuladd.v{a.type.count}f32"
    kind = ir.FunctionType(a.type, [a.type] * 3)
    module = builder.module
    function = module.globals.get(name) or ir.Function(module, kind, name)
    return builder.call(function, (a, b, c))


def dense_layer(module: ir.Module, width: int, rows: int, vectors: int, groups: int) -> ir.Function:
    """y ← after(W x + b) for one tile: f(weights, x, y, inputs, row blocks, after).

    The weights come in blocks of `rows` outputs: their biases, then for each input its `rows` weights.
    `groups` blocks × `vectors` vectors of `width` lanes are summed in registers at a time. x has
    `inputs` rows of vectors × width lanes, y has row blocks × rows of them.
    """
    vector = ir.VectorType(FLOAT, width)
    row_bytes, align = vectors * width * BYTES, width * BYTES

    def blocks(builder: ir.IRBuilder, count: int, first: ir.Value) -> None:
        weights, x, y, inputs, _, after = builder.function.args
        block_bytes = builder.mul(builder.add(inputs, INT(1)), INT(rows * BYTES))
        bases = [
            builder.add(weights, builder.mul(builder.add(first, INT(g)), block_bytes))
            for g in range(count)
        ]
        sums = [
            _splat(builder, _load(builder, base, row * BYTES, FLOAT), width)
            for base in bases
            for row in range(rows)
            for _ in range(vectors)
        ]
        entry = builder.block
        body = builder.function.append_basic_block("inputs")
        done = builder.function.append_basic_block("summed")
        builder.branch(body)  # there is at least one input
        builder.position_at_end(body)
        k = builder.phi(INT)
        k.add_incoming(INT(0), entry)
        running = []
        for value in sums:
            phi = builder.phi(vector)
            phi.add_incoming(value, entry)
            running.append(phi)
        x_row = builder.mul(k, INT(row_bytes))
        w_row = builder.mul(builder.add(k, INT(1)), INT(rows * BYTES))
        lanes = [
            _load(builder, builder.add(x, x_row), v * align, vector, align) for v in range(vectors)
        ]
        results = []
        for g, base in enumerate(bases):
            for row in range(rows):
                number = _load(builder, builder.add(base, w_row), row * BYTES, FLOAT)
                weight = _splat(builder, number, width)
                for v in range(vectors):
                    old = running[(g * rows + row) * vectors + v]
                    results.append(_multiply_add(builder, weight, lanes[v], old))
        following = builder.add(k, INT(1))
        k.add_incoming(following, body)
        for phi, value in zip(running, results, strict=True):
            phi.add_incoming(value, body)
        builder.cbranch(builder.icmp_signed("<", following, inputs), body, done)

        builder.position_at_end(done)
        target = builder.add(y, builder.mul(first, INT(rows * row_bytes)))
        choices = {NONE: _same, RELU: _relu, LEAKY_RELU: _leaky_relu, ADD: None}
        end = builder.function.append_basic_block("stored")
        switch = builder.switch(after, end)
        for kind, function in choices.items():
            case = builder.function.append_basic_block(f"after{kind}")
            switch.add_case(INT(kind), case)
            builder.position_at_end(case)
            for index, value in enumerate(results):
                offset = (index // vectors) * row_bytes + (index % vectors) * align
                if function is None:
                    old = _load(builder, target, offset, vector, align)
                    _store(builder, builder.fadd(old, value), target, offset, align)
                else:
                    _store(builder, function(builder, value), target, offset, align)
            builder.branch(end)
        builder.position_at_end(end)

    def emit(builder: ir.IRBuilder) -> None:
        number = builder.function.args[4]
        whole = builder.sub(number, builder.srem(number, INT(groups)))
        with _loop(builder, INT(0), whole, groups) as first:
            blocks(builder, groups, first)
        if groups > 1:
            with _loop(builder, whole, number, 1) as first:
                blocks(builder, 1, first)

    return _function(module, f"dense_{width}_{rows}_{vectors}_{groups}", 6, emit)


def _constant(like: ir.Value, value: float) -> ir.Constant:
    return ir.Constant(like.type, [value] * like.type.count)


def _same(_: ir.IRBuilder, x: ir.Value) -> ir.Value:
    return x


def _relu(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    zero = _constant(x, 0.0)
    return builder.select(builder.fcmp_ordered("<", x, zero), zero, x)


def _leaky_relu(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    scaled = builder.fmul(x, _constant(x, LEAKY_SLOPE))
    return builder.select(builder.fcmp_ordered("<", x, _constant(x, 0.0)), scaled, x)
