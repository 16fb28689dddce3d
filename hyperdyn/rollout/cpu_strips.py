"""Moving numbers between rows in memory and the lanes of a tile, for the CPU kernel."""

from llvmlite import ir
from numba.core.cgutils import for_range_slice

from hyperdyn.rollout.cpu_vectors import BYTES, FLOAT, INT, STRIP, define, load, splat, store

AHEAD = 128  # bytes; what is written next in a row is fetched while the products run


def _shuffle(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, order: list[int]) -> ir.Value:
    """Pick lanes out of two vectors laid end to end."""
    return builder.shuffle_vector(
        a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
    )


def _pairs(
    builder: ir.IRBuilder, r: list[ir.Value], apart: int, orders: tuple[list[int], list[int]]
) -> list[ir.Value]:
    """Shuffle each vector with the one `apart` from it, in both orders."""
    first = [i for i in range(len(r)) if i // apart % 2 == 0]
    return [_shuffle(builder, r[i], r[i + apart], order) for i in first for order in orders]


ONES = ([0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15])
TWOS = ([0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15])
FOURS = ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15])


def _transpose(builder: ir.IRBuilder, r: list[ir.Value]) -> list[ir.Value]:
    """Exchange rows and columns of 4 or 8 vectors of 8; the result is in the order of memory."""
    r = _pairs(builder, _pairs(builder, r, 1, ONES), 2, TWOS)
    if len(r) == STRIP:
        return [_shuffle(builder, r[i], r[i + 4], order) for order in FOURS for i in range(4)]
    return [_shuffle(builder, r[i], r[i + 1], order) for order in FOURS for i in (0, 2)]


def load_strip(module: ir.Module) -> ir.Function:
    """Bring up to 8 columns of up to 8 candidates into a tile.

    f(source, stride, columns, candidates, target, row bytes): candidates are `stride` bytes apart
    in the source; missing ones are filled with the last. Columns become rows of the tile.
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
                loaded = [load(builder, base, 0, strip) for base in bases]
                for i, row in enumerate(_transpose(builder, loaded)):
                    store(builder, row, target, builder.mul(row_bytes, INT(i)))
            with (
                otherwise,
                for_range_slice(builder, INT(0), columns, INT(1), INT) as (column, _),
            ):
                row_start = builder.add(target, builder.mul(column, row_bytes))
                for i, base in enumerate(bases):
                    number = load(builder, base, builder.mul(column, INT(BYTES)), FLOAT)
                    store(builder, number, row_start, i * BYTES)

    return define(module, "load_strip", 6, emit)


def store_strip(module: ir.Module) -> ir.Function:
    """Write up to 8 columns of up to 8 candidates out of a tile.

    f(tile, row bytes, places, columns, candidates, target, stride): `places` points at the rows of
    the tile that hold the columns (int64, at least 8 of them readable); candidates are written
    `stride` bytes apart.
    """
    strip = ir.VectorType(FLOAT, STRIP)

    def emit(builder: ir.IRBuilder) -> None:
        tile, row_bytes, places, columns, candidates, target, stride = builder.function.args
        rows = []
        for i in range(STRIP):
            place = load(builder, places, i * 8, INT, 8)
            rows.append(load(builder, tile, builder.mul(place, row_bytes), strip))
        whole = builder.icmp_signed("==", columns, INT(STRIP))
        for i, numbers in enumerate(_transpose(builder, rows)):
            with builder.if_then(builder.icmp_signed("<", INT(i), candidates)):
                base = builder.add(target, builder.mul(stride, INT(i)))
                _expect_store(builder, builder.add(base, INT(AHEAD)))
                with builder.if_else(whole) as (then, otherwise):
                    with then:
                        store(builder, numbers, base, 0)
                    with otherwise:
                        _store_some(builder, numbers, base, columns)

    return define(module, "store_strip", 7, emit)


def _expect_store(builder: ir.IRBuilder, address: ir.Value) -> None:
    """Ask for the cache line at an address, which need not exist."""
    pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
    name = "llvm.prefetch.p0"
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    to_write, keep_near, data = number(1), number(3), number(1)
    builder.call(function, [builder.inttoptr(address, pointer), to_write, keep_near, data])


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
                store(builder, piece, base, taken * BYTES)


def copy(module: ir.Module) -> ir.Function:
    """Copy float32 numbers, f(target, source, count); the stretches do not overlap."""

    def emit(builder: ir.IRBuilder) -> None:
        target, source, count = builder.function.args
        with for_range_slice(builder, INT(0), count, INT(STRIP), INT) as (index, _):
            offset = builder.mul(index, INT(BYTES))
            strip = load(builder, source, offset, ir.VectorType(FLOAT, STRIP))
            store(builder, strip, target, offset)

    return define(module, "copy", 3, emit)


def fill(module: ir.Module) -> ir.Function:
    """Repeat the float32 number at an address, f(target, source, count)."""

    def emit(builder: ir.IRBuilder) -> None:
        target, source, count = builder.function.args
        number = splat(builder, load(builder, source, 0, FLOAT), STRIP)
        with for_range_slice(builder, INT(0), count, INT(STRIP), INT) as (index, _):
            store(builder, number, target, builder.mul(index, INT(BYTES)))

    return define(module, "fill", 3, emit)


def interleave(module: ir.Module, rows: int) -> ir.Function:
    """Write row i of each of `rows` stretches of float32 numbers side by side, for every i.

    f(sources, target, count): `sources` points at the address of each stretch (int64).
    """
    strip = ir.VectorType(FLOAT, STRIP)

    def emit(builder: ir.IRBuilder) -> None:
        sources, target, count = builder.function.args
        bases = [load(builder, sources, row * 8, INT, 8) for row in range(rows)]
        whole = builder.and_(count, INT(-STRIP))
        with for_range_slice(builder, INT(0), whole, INT(STRIP), INT) as (index, _):
            offset = builder.mul(index, INT(BYTES))
            loaded = [load(builder, base, offset, strip) for base in bases]
            spot = builder.add(target, builder.mul(offset, INT(rows)))
            for i, numbers in enumerate(_transpose(builder, loaded)):
                store(builder, numbers, spot, i * STRIP * BYTES)
        with for_range_slice(builder, whole, count, INT(1), INT) as (index, _):
            offset = builder.mul(index, INT(BYTES))
            spot = builder.add(target, builder.mul(offset, INT(rows)))
            for i, base in enumerate(bases):
                store(builder, load(builder, base, offset, FLOAT), spot, i * BYTES)

    return define(module, f"interleave_{rows}", 3, emit)
