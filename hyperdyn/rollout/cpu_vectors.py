"""LLVM vector code for the CPU kernel: the products, activations and transpositions of one tile.

A tile holds its values feature by feature, the candidate sequences side by side as SIMD lanes. Each
function here writes one LLVM function into the module being compiled. No fast-math flag is set and no
value crosses lanes, so a NaN stays in the candidate that made it, and every candidate goes through the
same operations in the same order whatever stands beside it.
"""

from collections.abc import Callable

from llvmlite import ir
from numba.core.cgutils import for_range_slice

FLOAT, INT = ir.FloatType(), ir.IntType(64)
BYTES = 4  # of a float32
UNROLLED = 4  # inputs taken a turn
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


def _pointer(
    builder: ir.IRBuilder, address: ir.Value, offset: ir.Value | int, kind: ir.Type
) -> ir.Value:
    """Pointer to `kind`, `offset` bytes from an address."""
    offset = INT(offset) if isinstance(offset, int) else offset
    return builder.inttoptr(builder.add(address, offset), kind.as_pointer())


def _load(
    builder: ir.IRBuilder,
    address: ir.Value,
    offset: ir.Value | int,
    kind: ir.Type,
    align: int = BYTES,
) -> ir.Value:
    return builder.load(_pointer(builder, address, offset, kind), align=align)


def _store(
    builder: ir.IRBuilder,
    value: ir.Value,
    address: ir.Value,
    offset: ir.Value | int,
    align: int = BYTES,
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
    """Y ← after(W x + b) for one tile: f(weights, x, y, inputs, row blocks, after).

    The weights come in blocks of `rows` outputs: their biases, then for each input its `rows` weights.
    `groups` blocks × `vectors` vectors of `width` lanes are summed in registers at a time. x has
    `inputs` rows of vectors × width lanes, y has row blocks × rows of them.
    """
    vector = ir.VectorType(FLOAT, width)
    row_bytes, align = vectors * width * BYTES, width * BYTES

    def products(
        builder: ir.IRBuilder,
        bases: list[ir.Value],
        x: ir.Value,
        sums: list[ir.Value],
        start: ir.Value,
        stop: ir.Value,
        steps: int,
    ) -> list[ir.Value]:
        """Add the products of inputs start to stop, `steps` a turn; sums stay in registers."""
        before = builder.block
        body, done = (builder.function.append_basic_block(name) for name in ("inputs", "summed"))
        builder.cbranch(builder.icmp_signed("<", start, stop), body, done)
        builder.position_at_end(body)
        k = builder.phi(INT)
        running = [builder.phi(vector) for _ in sums]
        results: list[ir.Value] = list(running)
        x_row = builder.add(x, builder.mul(k, INT(row_bytes)))
        w_row = builder.mul(builder.add(k, INT(1)), INT(rows * BYTES))
        for step in range(steps):
            lanes = [
                _load(builder, x_row, step * row_bytes + v * align, vector, align)
                for v in range(vectors)
            ]
            for g, base in enumerate(bases):
                for row in range(rows):
                    offset = (step * rows + row) * BYTES
                    number = _load(builder, builder.add(base, w_row), offset, FLOAT)
                    weight = _splat(builder, number, width)
                    for v in range(vectors):
                        index = (g * rows + row) * vectors + v
                        results[index] = _multiply_add(builder, weight, lanes[v], results[index])
        following = builder.add(k, INT(steps))
        builder.cbranch(builder.icmp_signed("<", following, stop), body, done)
        builder.position_at_end(done)
        k.add_incoming(start, before)
        k.add_incoming(following, body)
        final = []
        for phi, old, new in zip(running, sums, results, strict=True):
            phi.add_incoming(old, before)
            phi.add_incoming(new, body)
            end = builder.phi(vector)
            end.add_incoming(old, before)
            end.add_incoming(new, body)
            final.append(end)
        return final

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
        unrolled = builder.sub(inputs, builder.srem(inputs, INT(UNROLLED)))
        sums = products(builder, bases, x, sums, INT(0), unrolled, UNROLLED)
        results = products(builder, bases, x, sums, unrolled, inputs, 1)

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
        with for_range_slice(builder, INT(0), whole, INT(groups), INT) as (first, _):
            blocks(builder, groups, first)
        if groups > 1:
            with for_range_slice(builder, whole, number, INT(1), INT) as (first, _):
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


def _exp(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """e^x to about one unit in the last place (Cephes' polynomial); 0 below −87 is 1.6e-38."""
    low, high = _constant(x, -87.0), _constant(x, 88.7)
    y = builder.select(builder.fcmp_ordered(">", x, high), high, x)
    y = builder.select(builder.fcmp_ordered("<", y, low), low, y)
    # Adding 1.5·2^23 rounds to an integer, which then stands in the lowest bits.
    shifter = _constant(x, 12582912.0)
    shifted = _multiply_add(builder, y, _constant(x, 1.44269504088896341), shifter)
    power = builder.fsub(shifted, shifter)
    rest = _multiply_add(builder, power, _constant(x, -0.693359375), y)
    rest = _multiply_add(builder, power, _constant(x, 2.12194440e-4), rest)
    tail = _polynomial(
        builder,
        rest,
        (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 0.16666665459, 0.5),
    )
    tail = _multiply_add(builder, tail, builder.fmul(rest, rest), rest)
    mantissa = builder.fadd(tail, _constant(x, 1.0))
    bits = ir.VectorType(ir.IntType(32), x.type.count)
    exponent = builder.shl(builder.bitcast(shifted, bits), ir.Constant(bits, [23] * x.type.count))
    result = builder.bitcast(builder.add(builder.bitcast(mantissa, bits), exponent), x.type)
    result = builder.select(builder.fcmp_ordered(">", x, high), _constant(x, float("inf")), result)
    return builder.select(builder.fcmp_unordered("uno", x, x), x, result)


def _polynomial(builder: ir.IRBuilder, x: ir.Value, coefficients: tuple[float, ...]) -> ir.Value:
    """Horner's rule, highest power first."""
    value = _constant(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = _multiply_add(builder, value, x, _constant(x, coefficient))
    return value


def _tanh(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """tanh: Cephes' odd polynomial below 0.625, beyond it 1 − 2 / (e^2|x| + 1) with the sign of x."""
    one, zero = _constant(x, 1.0), _constant(x, 0.0)
    negative = builder.fcmp_ordered("<", x, zero)
    size = builder.select(negative, builder.fneg(x), x)
    grown = builder.fadd(_exp(builder, builder.fadd(size, size)), one)
    large = builder.fsub(one, builder.fdiv(_constant(x, 2.0), grown))
    large = builder.select(negative, builder.fneg(large), large)
    square = builder.fmul(x, x)
    small = _polynomial(
        builder,
        square,
        (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 0.133314422036, -0.333332819422),
    )
    small = _multiply_add(builder, builder.fmul(small, square), x, x)
    return builder.select(builder.fcmp_ordered("<", size, _constant(x, 0.625)), small, large)


def _silu(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """X / (1 + e^−x)."""
    return builder.fdiv(x, builder.fadd(_exp(builder, builder.fneg(x)), _constant(x, 1.0)))


def activation_pass(module: ir.Module, width: int, kind: int) -> ir.Function:
    """Apply tanh or SiLU in place: f(address, vectors)."""
    vector, align = ir.VectorType(FLOAT, width), width * BYTES
    function = {TANH: _tanh, SILU: _silu}[kind]

    def emit(builder: ir.IRBuilder) -> None:
        address, count = builder.function.args
        with for_range_slice(builder, INT(0), count, INT(1), INT) as (index, _):
            offset = builder.mul(index, INT(align))
            value = _load(builder, address, offset, vector, align)
            _store(builder, function(builder, value), address, offset, align)

    return _function(module, f"activation_{width}_{kind}", 2, emit)


def _transpose(builder: ir.IRBuilder, r: list[ir.Value]) -> list[ir.Value]:
    """Exchange the rows and columns of eight vectors of eight."""

    def pairs(a: ir.Value, b: ir.Value, mask: list[int]) -> ir.Value:
        return builder.shuffle_vector(
            a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(mask)), mask)
        )

    low, high = [0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]
    t = [pairs(r[i], r[i + 1], mask) for i in (0, 2, 4, 6) for mask in (low, high)]
    low, high = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
    u = [pairs(t[i], t[i + 2], mask) for i in (0, 1, 4, 5) for mask in (low, high)]
    low, high = [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]
    return [pairs(u[i], u[i + 4], mask) for mask in (low, high) for i in range(4)]


def load_strip(module: ir.Module) -> ir.Function:
    """Bring up to 8 columns of up to 8 candidates into a tile.

    f(source, stride, columns, candidates, target, row bytes): candidates are `stride` bytes apart in
    the source; missing ones are filled with the last. Columns become rows of the tile.
    """
    strip = ir.VectorType(FLOAT, STRIP)

    def emit(builder: ir.IRBuilder) -> None:
        source, stride, columns, candidates, target, row_bytes = builder.function.args
        last = builder.sub(candidates, INT(1))
        bases = []
        for i in range(STRIP):
            held = builder.select(builder.icmp_signed("<", INT(i), last), INT(i), last)
            bases.append(builder.add(source, builder.mul(held, stride)))
        whole = builder.icmp_signed("==", columns, INT(STRIP))
        with builder.if_else(whole) as (then, otherwise):
            with then:
                loaded = [_load(builder, base, 0, strip) for base in bases]
                for i, row in enumerate(_transpose(builder, loaded)):
                    _store(builder, row, target, builder.mul(row_bytes, INT(i)))
            with (
                otherwise,
                for_range_slice(builder, INT(0), columns, INT(1), INT) as (column, _),
            ):
                row_start = builder.add(target, builder.mul(column, row_bytes))
                for i, base in enumerate(bases):
                    number = _load(builder, base, builder.mul(column, INT(BYTES)), FLOAT)
                    _store(builder, number, row_start, i * BYTES)

    return _function(module, "load_strip", 6, emit)


def store_strip(module: ir.Module) -> ir.Function:
    """Write up to 8 columns of up to 8 candidates out of a tile.

    f(tile, row bytes, places, columns, candidates, target, stride): `places` points at the rows of the
    tile that hold the columns (int64, at least 8 of them readable); candidates are written `stride`
    bytes apart.
    """
    strip = ir.VectorType(FLOAT, STRIP)

    def emit(builder: ir.IRBuilder) -> None:
        tile, row_bytes, places, columns, candidates, target, stride = builder.function.args
        rows = []
        for i in range(STRIP):
            place = _load(builder, places, i * 8, INT, 8)
            rows.append(_load(builder, tile, builder.mul(place, row_bytes), strip))
        whole = builder.icmp_signed("==", columns, INT(STRIP))
        for i, numbers in enumerate(_transpose(builder, rows)):
            with builder.if_then(builder.icmp_signed("<", INT(i), candidates)):
                base = builder.add(target, builder.mul(stride, INT(i)))
                with builder.if_else(whole) as (then, otherwise):
                    with then:
                        _store(builder, numbers, base, 0)
                    with otherwise:
                        _store_some(builder, numbers, base, columns)

    return _function(module, "store_strip", 7, emit)


def _store_some(
    builder: ir.IRBuilder, numbers: ir.Value, base: ir.Value, columns: ir.Value
) -> None:
    """Store the first `columns` < 8 numbers of a vector, as pieces of 4, 2 and 1."""
    index = ir.IntType(32)
    for size in (4, 2, 1):
        # The pieces before this one took the numbers whose count has the higher bits of `columns`.
        for taken in range(0, STRIP, 2 * size):
            key = builder.and_(columns, INT(STRIP - size))
            with builder.if_then(builder.icmp_signed("==", key, INT(taken + size))):
                mask = ir.Constant(ir.VectorType(index, size), list(range(taken, taken + size)))
                piece = builder.shuffle_vector(numbers, numbers, mask)
                _store(builder, piece, base, taken * BYTES)


def copy(module: ir.Module) -> ir.Function:
    """Copy float32 numbers, f(target, source, count); the stretches do not overlap."""

    def emit(builder: ir.IRBuilder) -> None:
        target, source, count = builder.function.args
        with for_range_slice(builder, INT(0), count, INT(STRIP), INT) as (index, _):
            offset = builder.mul(index, INT(BYTES))
            strip = _load(builder, source, offset, ir.VectorType(FLOAT, STRIP))
            _store(builder, strip, target, offset)

    return _function(module, "copy", 3, emit)


def fill(module: ir.Module) -> ir.Function:
    """Repeat the float32 number at an address, f(target, source, count)."""

    def emit(builder: ir.IRBuilder) -> None:
        target, source, count = builder.function.args
        number = _splat(builder, _load(builder, source, 0, FLOAT), STRIP)
        with for_range_slice(builder, INT(0), count, INT(STRIP), INT) as (index, _):
            _store(builder, number, target, builder.mul(index, INT(BYTES)))

    return _function(module, "fill", 3, emit)
