"""What the LLVM vector code of the CPU kernel is written with.

A tile holds its values feature by feature, the candidate sequences side by side as SIMD lanes. The
modules `cpu_dense`, `cpu_activations` and `cpu_strips` write LLVM functions into the module being
compiled. No fast-math flag is set and no sum crosses lanes: a NaN stays in the candidate that made
it, and every candidate goes through the same operations in the same order in any company.
"""

from collections.abc import Callable

from llvmlite import ir

FLOAT, INT = ir.FloatType(), ir.IntType(64)
BYTES = 4  # of a float32
STRIP = 8  # candidates and columns transposed at a time


def define(
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


def load(
    builder: ir.IRBuilder,
    address: ir.Value,
    offset: ir.Value | int,
    kind: ir.Type,
    align: int = BYTES,
) -> ir.Value:
    """Read a number or a vector, `offset` bytes from an address."""
    return builder.load(_pointer(builder, address, offset, kind), align=align)


def store(
    builder: ir.IRBuilder,
    value: ir.Value,
    address: ir.Value,
    offset: ir.Value | int,
    align: int = BYTES,
) -> None:
    """Write a number or a vector, `offset` bytes from an address."""
    builder.store(value, _pointer(builder, address, offset, value.type), align=align)


def splat(builder: ir.IRBuilder, value: ir.Value, width: int) -> ir.Value:
    """The same number in every lane."""
    vector = ir.VectorType(FLOAT, width)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def multiply_add(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """a·b + c, fused where the processor can."""
    name = f"llvm.fmuladd.v{a.type.count}f32"
    kind = ir.FunctionType(a.type, [a.type] * 3)
    module = builder.module
    function = module.globals.get(name) or ir.Function(module, kind, name)
    return builder.call(function, (a, b, c))
