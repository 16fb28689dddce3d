"""Random numbers for candidates, compiled: the counter-based generator Philox4x32-10.

Importing this module loads numba. (Salmon et al., 2011, "Parallel random numbers: as easy as
1, 2, 3".) Four counters and a key give four 32-bit words; every block of a draw has its own counter
and every draw its own key, so nothing is shared, and numbers do not depend on who draws them.
"""

from typing import no_type_check

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from hyperdyn.planners._pointers import Untyped, floats

BLOCKS = 64  # counters taken at a time: their words stay in the L1 cache
FEW = 16  # counters computed side by side
CHUNK = 4 * BLOCKS  # numbers drawn at a time
ROUNDS = 10
M0, M1, W0, W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85
UNIT = np.float32(2.0**-24)
ONE, QUARTER = np.float32(1.0), np.float32(0.25)
TAU = 2.0 * np.pi
# Taylor coefficients of sin(2πt) / t in t², to 1e-9 for |t| ≤ 1/4; highest power first.
SINE = tuple(
    np.float32(sign * TAU**power / factorial)
    for power, sign, factorial in (
        (13, 1, 6227020800),
        (11, -1, 39916800),
        (9, 1, 362880),
        (7, -1, 5040),
        (5, 1, 120),
        (3, -1, 6),
        (1, 1, 1),
    )
)
S13, S11, S9, S7, S5, S3, S1 = SINE
# ln(1 + f) for √½ ≤ 1 + f < √2: f - f²/2 + f³ P(f) (Cephes); highest power first.
L8, L7, L6, L5, L4, L3, L2, L1, L0 = (
    np.float32(number)
    for number in (
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    )
)
LN2 = np.float32(0.6931471805599453)
EXPONENT_OF_ROOT = np.int32(0x3F3504F3)  # the bits of √½


@intrinsic  # type: ignore[untyped-decorator]
def _few_blocks(context: Untyped, key: Untyped, first: Untyped, target: Untyped) -> Untyped:
    """Write the four words of the counters first … first + FEW - 1 to `target`, BLOCKS words apart.

    As vectors, since the compiler does not find by itself that the counters are independent. A word
    is the lower half of a lane of 64 bits; what a product leaves in the upper half is ignored.
    """
    wide, narrow = ir.VectorType(ir.IntType(64), FEW), ir.VectorType(ir.IntType(32), FEW)

    def number(value: int) -> ir.Constant:
        return ir.Constant(wide, [value] * FEW)

    def emit(context: Untyped, builder: ir.IRBuilder, _: Untyped, values: Untyped) -> Untyped:
        def spread(value: ir.Value) -> ir.Value:
            single = builder.insert_element(number(0), value, ir.IntType(32)(0))
            return builder.shuffle_vector(single, single, ir.Constant(narrow, [0] * FEW))

        def product(word: ir.Value, factor: int) -> ir.Value:
            return builder.mul(builder.and_(word, number(0xFFFFFFFF)), number(factor))

        def upper(value: ir.Value) -> ir.Value:
            return builder.lshr(value, number(32))

        key, first, target = values
        c0 = builder.add(spread(first), ir.Constant(wide, list(range(FEW))))
        c1, c2, c3 = upper(c0), number(0), number(0)
        k0 = spread(key)
        k1 = upper(k0)
        for _ in range(ROUNDS):
            p0, p1 = product(c0, M0), product(c2, M1)
            c0 = builder.xor(builder.xor(upper(p1), c1), k0)
            c2 = builder.xor(builder.xor(upper(p0), c3), k1)
            c1, c3 = p1, p0
            k0, k1 = builder.add(k0, number(W0)), builder.add(k1, number(W1))
        for place, word in enumerate((c0, c1, c2, c3)):
            address = builder.add(target, ir.IntType(64)(place * BLOCKS * 4))
            pointer = builder.inttoptr(address, narrow.as_pointer())
            builder.store(builder.trunc(word, narrow), pointer, align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), emit


@no_type_check  # numba compiles these as they stand
def _words(key: np.int64, first: int, words: NDArray[np.uint32]) -> None:
    """Fill words [4, BLOCKS] from the counters `first` on."""
    for block in range(0, BLOCKS, FEW):
        _few_blocks(key, first + block, words.ctypes.data + block * 4)


@no_type_check
def _normal_pairs(
    first: NDArray[np.uint32],
    second: NDArray[np.uint32],
    scratch: NDArray[np.float32],
    cosines: NDArray[np.float32],
    sines: NDArray[np.float32],
) -> None:
    """Box and Muller's transform of uniform words to independent standard normal numbers."""
    for i in range(BLOCKS):  # 24 bits, above 0 and up to 1: no logarithm of zero
        scratch[i] = (np.float32(np.int32(first[i] >> np.uint32(8))) + ONE) * UNIT
    bits = scratch.view(np.int32)
    for i in range(BLOCKS):
        moved = np.int32(bits[i] - EXPONENT_OF_ROOT)
        exponent = np.float32(np.int32(moved >> np.int32(23)))
        sines[i] = exponent
        bits[i] = np.int32(np.int32(moved & np.int32(0x007FFFFF)) + EXPONENT_OF_ROOT)
    for i in range(BLOCKS):
        f = scratch[i] - ONE
        z = f * f
        p = L8
        p = p * f + L7
        p = p * f + L6
        p = p * f + L5
        p = p * f + L4
        p = p * f + L3
        p = p * f + L2
        p = p * f + L1
        p = p * f + L0
        log = f + z * (f * p - np.float32(0.5)) + sines[i] * LN2
        size = np.sqrt(np.float32(-2.0) * min(log, np.float32(0.0)))
        # A whole turn as -1/2 to 1/2; both functions from a sine within a quarter of it.
        turn = np.float32(np.int32(second[i] >> np.uint32(8))) * UNIT - np.float32(0.5)
        t = QUARTER - abs(turn)
        q = t * t
        cosine = ((((((S13 * q + S11) * q + S9) * q + S7) * q + S5) * q + S3) * q + S1) * t
        t = QUARTER - abs(abs(turn) - QUARTER)
        t = t if turn >= np.float32(0.0) else -t
        q = t * t
        sine = ((((((S13 * q + S11) * q + S9) * q + S7) * q + S5) * q + S3) * q + S1) * t
        cosines[i], sines[i] = size * cosine, size * sine


@no_type_check
def _standard(key: int, out_at: int, count: int) -> None:
    """Fill out [M] with standard normal numbers."""
    words, scratch = np.empty((4, BLOCKS), np.uint32), np.empty(BLOCKS, np.float32)
    drawn, out = np.empty((4, BLOCKS), np.float32), floats(out_at, (count,))
    flat = drawn.reshape(CHUNK)
    for done in range(0, count, CHUNK):
        words_of(key, done // 4, words)
        normal_pairs(words[0], words[1], scratch, drawn[0], drawn[1])
        normal_pairs(words[2], words[3], scratch, drawn[2], drawn[3])
        taken = min(CHUNK, count - done)
        out[done : done + taken] = flat[:taken]


@no_type_check
def _repeated(at: int, columns: int, repeats: int) -> NDArray[np.float32]:
    """The numbers at an address, again and again."""
    out = np.empty((repeats, columns), np.float32)
    for repeat in range(repeats):
        out[repeat] = floats(at, (columns,))
    return out.reshape(repeats * columns)


@no_type_check
def _gaussian(
    key: int,
    mean_at: int,
    std_at: int,
    low_at: int,
    high_at: int,
    out_at: int,
    systems: int,
    samples: int,
    width: int,
) -> None:
    """Fill out [E, n, K] with normal numbers about mean [E, K], as wide as std [E, K].

    What falls beyond the bounds [K] is put on them.
    """
    out = floats(out_at, (systems, samples * width))
    words, drawn = np.empty((4, BLOCKS), np.uint32), np.empty((4, BLOCKS), np.float32)
    scratch, flat = np.empty(BLOCKS, np.float32), drawn.reshape(CHUNK)
    repeats = min(samples, 1 + CHUNK // width)  # rows taken at a time, where they are short
    low, high = repeated(low_at, width, repeats), repeated(high_at, width, repeats)
    counter, taken = np.int64(0), CHUNK
    for system in range(systems):
        middle = repeated(mean_at + 4 * system * width, width, repeats)
        spread = repeated(std_at + 4 * system * width, width, repeats)
        rows, done, phase = out[system], 0, 0
        while done < len(rows):
            if taken == CHUNK:
                words_of(key, counter, words)
                normal_pairs(words[0], words[1], scratch, drawn[0], drawn[1])
                normal_pairs(words[2], words[3], scratch, drawn[2], drawn[3])
                counter, taken = counter + BLOCKS, 0
            count = min(len(rows) - done, CHUNK - taken, len(middle) - phase)
            target, unit = rows[done : done + count], flat[taken:]
            centre, breadth = middle[phase:], spread[phase:]
            least, most = low[phase:], high[phase:]
            for i in range(count):
                target[i] = min(max(centre[i] + breadth[i] * unit[i], least[i]), most[i])
            done, taken, phase = done + count, taken + count, (phase + count) % len(middle)


@no_type_check
def _coloured(
    key: int,
    waves_at: int,
    mean_at: int,
    std_at: int,
    low_at: int,
    high_at: int,
    out_at: int,
    systems: int,
    samples: int,
    horizon: int,
    action_dim: int,
) -> None:
    """Fill out [E, n, H, A] with mean + std · waves [H, H] · normal numbers, within the bounds.

    A few candidates at a time, so that their sums stay in the L1 cache.
    """
    white = np.empty((systems, horizon, samples * action_dim), np.float32)
    standard(key, white.ctypes.data, white.size)
    waves = floats(waves_at, (horizon, horizon))
    mean = floats(mean_at, (systems, horizon, action_dim))
    std = floats(std_at, (systems, horizon, action_dim))
    low, high = floats(low_at, (horizon, action_dim)), floats(high_at, (horizon, action_dim))
    out = floats(out_at, (systems, samples, horizon, action_dim))
    few = max(1, CHUNK // action_dim)
    total = np.empty(few * action_dim, np.float32)
    for system in range(systems):
        for first in range(0, samples, few):
            count = min(few, samples - first)
            begin, width = first * action_dim, count * action_dim
            for step in range(horizon):
                total[:] = np.float32(0.0)
                for wave in range(horizon):
                    weight = waves[step, wave]
                    row = white[system, wave, begin : begin + width]
                    for i in range(width):
                        total[i] += weight * row[i]
                for n in range(count):
                    for a in range(action_dim):
                        value = (
                            mean[system, step, a] + std[system, step, a] * total[n * action_dim + a]
                        )
                        out[system, first + n, step, a] = min(
                            max(value, low[step, a]), high[step, a]
                        )


@no_type_check
def _uniform(key: int, low_at: int, high_at: int, out_at: int, samples: int, columns: int) -> None:
    """Fill out [M, K] with numbers from low [K] to high [K]."""
    words, rows = np.empty((4, BLOCKS), np.uint32), floats(out_at, (samples * columns,))
    flat, repeats = words.reshape(CHUNK), min(samples, 1 + CHUNK // columns)
    low, high = repeated(low_at, columns, repeats), repeated(high_at, columns, repeats)
    counter, taken, done, phase = np.int64(0), CHUNK, 0, 0
    while done < len(rows):
        if taken == CHUNK:
            words_of(key, counter, words)
            counter, taken = counter + BLOCKS, 0
        count = min(len(rows) - done, CHUNK - taken, len(low) - phase)
        target, word = rows[done : done + count], flat[taken:]
        least, most = low[phase:], high[phase:]
        for i in range(count):
            unit = np.float32(np.int32(word[i] >> np.uint32(8))) * UNIT
            target[i] = min(least[i] + (most[i] - least[i]) * unit, most[i])
        done, taken, phase = done + count, taken + count, (phase + count) % len(low)


repeated = numba.njit(_repeated, cache=True, error_model="numpy")
words_of = numba.njit(_words, cache=True, error_model="numpy")
normal_pairs = numba.njit(_normal_pairs, cache=True, error_model="numpy")
standard = numba.njit(_standard, cache=True, nogil=True, error_model="numpy")
coloured = numba.njit(_coloured, cache=True, nogil=True, error_model="numpy")
gaussian = numba.njit(_gaussian, cache=True, nogil=True, error_model="numpy")
uniform = numba.njit(_uniform, cache=True, nogil=True, error_model="numpy")
