"""The activations of the CPU kernel, as vector code.

Each is what torch computes, to a few units in the last place, infinities and NaN included.
"""

from llvmlite import ir
from numba.core.cgutils import for_range_slice

from hyperdyn.rollout.cpu_vectors import BYTES, FLOAT, INT, define, load, multiply_add, store

TANH, SILU = range(2)
LEAKY_SLOPE = 0.01  # torch's default


def _constant(like: ir.Value, value: float) -> ir.Constant:
    return ir.Constant(like.type, [value] * like.type.count)


def relu(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """0 below 0."""
    zero = _constant(x, 0.0)
    return builder.select(builder.fcmp_ordered("<", x, zero), zero, x)


def leaky_relu(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """A hundredth below 0."""
    scaled = builder.fmul(x, _constant(x, LEAKY_SLOPE))
    return builder.select(builder.fcmp_ordered("<", x, _constant(x, 0.0)), scaled, x)


def _exp(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """e^x to about one unit in the last place (Cephes' polynomial); 1.6e-38 below −87."""
    low, high = _constant(x, -87.0), _constant(x, 88.7)
    y = builder.select(builder.fcmp_ordered(">", x, high), high, x)
    y = builder.select(builder.fcmp_ordered("<", y, low), low, y)
    # Adding 1.5·2^23 rounds to an integer, which then stands in the lowest bits.
    shifter = _constant(x, 12582912.0)
    shifted = multiply_add(builder, y, _constant(x, 1.44269504088896341), shifter)
    power = builder.fsub(shifted, shifter)
    rest = multiply_add(builder, power, _constant(x, -0.693359375), y)
    rest = multiply_add(builder, power, _constant(x, 2.12194440e-4), rest)
    tail = _polynomial(
        builder,
        rest,
        (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 0.16666665459, 0.5),
    )
    tail = multiply_add(builder, tail, builder.fmul(rest, rest), rest)
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
        value = multiply_add(builder, value, x, _constant(x, coefficient))
    return value


def _tanh(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """Cephes' odd polynomial below 0.625; beyond, 1 − 2 / (e^2|x| + 1) with the sign of x."""
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
    small = multiply_add(builder, builder.fmul(small, square), x, x)
    return builder.select(builder.fcmp_ordered("<", size, _constant(x, 0.625)), small, large)


def _silu(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """X / (1 + e^−x)."""
    return builder.fdiv(x, builder.fadd(_exp(builder, builder.fneg(x)), _constant(x, 1.0)))


def activation_pass(module: ir.Module, width: int, kind: int) -> ir.Function:
    """Write tanh or SiLU in place: f(address, vectors)."""
    vector, align = ir.VectorType(FLOAT, width), width * BYTES
    function = {TANH: _tanh, SILU: _silu}[kind]

    def emit(builder: ir.IRBuilder) -> None:
        address, count = builder.function.args
        with for_range_slice(builder, INT(0), count, INT(1), INT) as (index, _):
            offset = builder.mul(index, INT(align))
            value = load(builder, address, offset, vector, align)
            store(builder, function(builder, value), address, offset, align)

    return define(module, f"activation_{width}_{kind}", 2, emit)
