// Products in single precision by a processor's matrix unit, which multiplies numbers of 8 binary
// digits (bfloat16) and adds in single precision.
//
// A number is the sum of three such pieces. Of the nine products of two numbers' pieces the six
// largest are added up; the others are at most 2^-24 of the whole, a rounding in single precision
// (Henry, Tang, Heinecke, "Leveraging the bfloat16 artificial intelligence datatype for
// higher-precision computations", 2019, arXiv 1904.06376). The unit takes numbers below 2^-126 for
// 0, so amplitudes that are far from 1 are brought near it by powers of two.

#if defined(__AMX_BF16__) && defined(__AVX512F__) && defined(__linux__)

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cmath>

// A tile has 16 rows of 64 bytes: 16 samples and 32 rows of a matrix, or 32 rows and 16 columns of
// it. Pieces of two rows lie side by side: of the i-th of a half of 16 rows and of the (i + 8)-th.
enum { SIDE = 16, DEEP = 2 * SIDE, PIECES = 3, TILE = SIDE * DEEP };
// With matrices of more bytes than the second cache keeps more samples are multiplied at once.
enum { MUCH = 3 << 19, FEW_SAMPLES = 200 << 10, MANY_SAMPLES = 1 << 20 };

typedef float floats __attribute__((vector_size(64)));
typedef uint32_t words __attribute__((vector_size(64)));

// 32 rows and columns, or 32 samples and rows: two tiles of each piece.
struct Step {
  alignas(64) uint16_t of[PIECES * 2 * TILE];
};

// A matrix: the power of two that pieces are to be multiplied by, and steps, column by column.
struct alignas(64) Pieces {
  npy_intp rows, columns;
  int exponent;

  Step *steps() { return (Step *)(this + 1); }
  const Step *steps() const { return (const Step *)(this + 1); }
};

// Whether the unit may be used: the system must be asked.
static bool has_matrix_unit() {
  enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };
  static const bool granted =
      BY_MATRIX_UNIT && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0;
  return granted;
}

// --- Amplitudes

static inline uint32_t magnitude_bits(float number) {
  uint32_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  return bits & 0x7fffffffu;
}

// The power of two of a number with these bits: 0 if it is near 1, or none.
static inline int far_exponent(uint32_t bits) {
  const int exponent = (int)(bits >> 23) - 127;
  return bits == 0 || exponent > 127 || std::abs(exponent) <= FAR ? 0 : exponent;
}

static uint32_t most_bits(npy_intp rows, npy_intp columns, const float *from, npy_intp down,
                          npy_intp across) {
  uint32_t most = 0;
  for (npy_intp row = 0; row < rows; row++)
    for (npy_intp column = 0; column < columns; column++)
      most = std::max(most, magnitude_bits(from[row * down + column * across]));
  return most;
}

static inline floats load(const float *from) {
  floats vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

// That of the largest of numbers side by side.
static int far_exponent_of(npy_intp size, const float *numbers) {
  words most = {};
  npy_intp i = 0;
  for (; i + SIDE <= size; i += SIDE) {
    const words bits = (words)load(numbers + i) & 0x7fffffffu;
    most = bits > most ? bits : most;
  }
  uint32_t all = most_bits(1, size - i, numbers + i, 0, 1);
  for (int lane = 0; lane < SIDE; lane++) all = std::max<uint32_t>(all, most[lane]);
  return far_exponent(all);
}

// --- Numbers to pieces

// To 8 binary digits.
static inline words rounded(floats numbers) {
  return ((words)numbers + 0x8000u) & 0xffff0000u;
}

// The pieces of two vectors, side by side, each in a row of its tile.
static inline void split(floats first, floats second, uint16_t *row) {
#pragma GCC unroll 3
  for (int piece = 0; piece < PIECES; piece++, row += 2 * TILE) {
    const words one = rounded(first), other = rounded(second);
    const words both = one >> 16 | other;
    std::memcpy(row, &both, sizeof both);
    first -= (floats)one;
    second -= (floats)other;
  }
}

// Eight numbers, and the eight that follow after eight others.
static inline floats load_halves(const float *from) {
  const __m256d low = _mm256_loadu_pd((const double *)from);
  const __m256d high = _mm256_loadu_pd((const double *)(from + SIDE));
  return (floats)_mm512_insertf64x4(_mm512_castpd256_pd512(low), high, 1);
}

// A sample times a factor.
static void split_sample(npy_intp rows, const float *sample, float factor, Step *steps, int place) {
  const floats factors = floats{} + factor;
  uint16_t *row = steps->of + place / SIDE * TILE + place % SIDE * DEEP;
  npy_intp top = 0;
  for (; top + DEEP <= rows; top += DEEP, row += sizeof(Step) / sizeof *row)
    split(load_halves(sample + top) * factors, load_halves(sample + top + SIDE / 2) * factors, row);
  if (top == rows) return;
  float last[DEEP] = {};
  std::memcpy(last, sample + top, (rows - top) * sizeof *last);
  split(load_halves(last) * factors, load_halves(last + SIDE / 2) * factors, row);
}

// Squares of WIDE rows and columns change places across the diagonal, and in them smaller ones.
template <int WIDE> static inline void transpose(floats *v) {
  words low = {}, high = {};
#pragma GCC unroll 16
  for (int lane = 0; lane < SIDE; lane++) {
    low[lane] = lane & WIDE ? SIDE + lane - WIDE : lane;
    high[lane] = lane & WIDE ? SIDE + lane : lane + WIDE;
  }
#pragma GCC unroll 16
  for (int i = 0; i < SIDE; i++) {
    if (i & WIDE) continue;
    const __m512 upper = (__m512)v[i], lower = (__m512)v[i + WIDE];
    v[i] = (floats)_mm512_permutex2var_ps(upper, (__m512i)low, lower);
    v[i + WIDE] = (floats)_mm512_permutex2var_ps(upper, (__m512i)high, lower);
  }
  transpose<WIDE / 2>(v);
}
template <> inline void transpose<0>(floats *) {}

static inline npy_intp steps_of(npy_intp side) { return (side + DEEP - 1) / DEEP; }

// Sixteen rows of sixteen columns of a matrix.
static inline void split_square(const floats *v, npy_intp row, npy_intp column, Pieces *pieces) {
  Step *step = pieces->steps() + column / DEEP * steps_of(pieces->rows) + row / DEEP;
  uint16_t *to = step->of + column % DEEP / SIDE * TILE + row % DEEP / 2 * DEEP;
#pragma GCC unroll 8
  for (int i = 0; i < SIDE / 2; i++) split(v[i], v[i + SIDE / 2], to + i * DEEP);
}

// Up to 16 rows and columns, the rows `apart`, with zeros beyond.
static inline void load_square(npy_intp rows, npy_intp columns, const float *from, npy_intp apart,
                               floats *v) {
  if (rows == SIDE && columns == SIDE) {
#pragma GCC unroll 16
    for (int i = 0; i < SIDE; i++) v[i] = load(from + i * apart);
  } else {
    std::memset(v, 0, SIDE * sizeof *v);
    for (npy_intp i = 0; i < rows; i++) std::memcpy(&v[i], from + i * apart, 4 * columns);
  }
}

// Up to 16 rows that lie side by side, the first of them a multiple of 16, of a matrix or of its
// transpose.
template <bool TRANSPOSED>
static void split_rows(npy_intp top, npy_intp count, npy_intp columns, const float *from,
                       Pieces *pieces) {
  for (npy_intp left = 0; left < columns; left += SIDE) {
    floats v[SIDE];
    load_square(count, std::min<npy_intp>(SIDE, columns - left), from + left, columns, v);
    if (TRANSPOSED) transpose<SIDE / 2>(v);
    split_square(v, TRANSPOSED ? left : top, TRANSPOSED ? top : left, pieces);
  }
}

static npy_intp pieces_bytes(npy_intp rows, npy_intp columns) {
  return sizeof(Pieces) + steps_of(rows) * steps_of(columns) * sizeof(Step);
}

static Pieces *begin_pieces(npy_intp rows, npy_intp columns, int exponent, float *memory) {
  if (rows % DEEP || columns % DEEP) std::memset(memory, 0, pieces_bytes(rows, columns));
  Pieces *pieces = (Pieces *)memory;
  std::memset((void *)pieces, 0, sizeof *pieces);
  pieces->rows = rows;
  pieces->columns = columns;
  pieces->exponent = exponent;
  return pieces;
}

// --- Products

static inline void fetch(const uint16_t *tile) {
  for (int row = 0; row < SIDE; row++) __builtin_prefetch(tile + row * DEEP);
}

// 32 samples times 32 columns. Tiles 0 to 3 are sums, 4 and 5 samples, 6 and 7 the matrix.
static void multiply_tiles(npy_intp steps, const Step *samples, const Step *matrix, float *out,
                           npy_intp leading) {
  std::atomic_signal_fence(std::memory_order_seq_cst);  // compilers do not know what tiles read
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (; steps > 0; steps--, samples++, matrix++) {
#define SAMPLES(piece)                                  \
  _tile_loadd(4, samples->of + 2 * (piece) * TILE, 64); \
  _tile_loadd(5, samples->of + (2 * (piece) + 1) * TILE, 64)
#define MATRIX(piece)                                  \
  _tile_loadd(6, matrix->of + 2 * (piece) * TILE, 64); \
  _tile_loadd(7, matrix->of + (2 * (piece) + 1) * TILE, 64)
    // Each time two tiles of the next step are fetched.
#define ADD(time)                        \
  _tile_dpbf16ps(0, 4, 6);               \
  _tile_dpbf16ps(1, 4, 7);               \
  fetch(samples[1].of + (time) * TILE);  \
  fetch(matrix[1].of + (time) * TILE);   \
  _tile_dpbf16ps(2, 5, 6);               \
  _tile_dpbf16ps(3, 5, 7)
    SAMPLES(0);
    MATRIX(2);
    ADD(0);
    MATRIX(1);
    ADD(1);
    MATRIX(0);
    ADD(2);
    SAMPLES(2);
    ADD(3);
    SAMPLES(1);
    ADD(4);
    MATRIX(1);
    ADD(5);
#undef SAMPLES
#undef MATRIX
#undef ADD
  }
  const npy_intp apart = leading * sizeof *out;
  _tile_stored(0, out, apart);
  _tile_stored(1, out + SIDE, apart);
  _tile_stored(2, out + SIDE * leading, apart);
  _tile_stored(3, out + SIDE * leading + SIDE, apart);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

static void configure_tiles() {
  struct {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } tiles = {};
  tiles.palette = 1;
  std::fill_n(tiles.row_bytes, 8, 64);
  std::fill_n(tiles.rows, 8, SIDE);
  _tile_loadconfig(&tiles);
}

// Up to 32 samples in pieces, and the powers of two that their products are to be multiplied by.
struct Block {
  npy_intp count;
  const Step *steps;
  bool far;
  int exponents[DEEP];
};

static Block block_of(npy_intp count, npy_intp rows, const float *samples, int exponent,
                      Step *steps) {
  Block block = {std::min<npy_intp>(DEEP, count), steps, false, {}};
  for (int i = 0; i < block.count; i++, samples += rows) {
    const int own = far_exponent_of(rows, samples);
    block.exponents[i] = own + exponent;
    block.far |= block.exponents[i] != 0;
    split_sample(rows, samples, std::ldexp(1.0f, -own), steps, i);
  }
  return block;
}

// A block times up to 32 columns of a matrix.
static void multiply_block(const Block &block, npy_intp steps, npy_intp wide, const Step *matrix,
                           float *out, npy_intp leading) {
  if (block.count == DEEP && wide == DEEP && !block.far)
    return multiply_tiles(steps, block.steps, matrix, out, leading);
  alignas(64) float sums[DEEP * DEEP];
  multiply_tiles(steps, block.steps, matrix, sums, DEEP);
  for (npy_intp i = 0; i < block.count; i++)
    for (npy_intp j = 0; j < wide; j++)
      out[i * leading + j] = std::ldexp(sums[i * DEEP + j], block.exponents[i]);
}

// How many blocks are multiplied by one part of a matrix after another.
static npy_intp together(npy_intp rows, npy_intp columns) {
  const npy_intp bytes = std::max<npy_intp>(1, steps_of(rows)) * sizeof(Step);
  const npy_intp kept = bytes * steps_of(columns) > MUCH ? MANY_SAMPLES : FEW_SAMPLES;
  return std::max<npy_intp>(1, kept / bytes);
}

// The product may take the place of the samples, if there are as many columns as rows: they are in
// pieces before it is written.
static void multiply_pieces(npy_intp count, const float *samples, const Pieces *matrix,
                            float *out) {
  static thread_local std::vector<Step> room;
  const npy_intp rows = matrix->rows, columns = matrix->columns, steps = steps_of(rows);
  const npy_intp most = together(rows, columns);
  room.resize(std::max<npy_intp>(room.size(), most * steps));
  std::vector<Block> blocks;
  configure_tiles();
  for (npy_intp first = 0; first < count; first += most * DEEP) {
    blocks.clear();
    for (npy_intp i = first; i < std::min(count, first + most * DEEP); i += DEEP)
      blocks.push_back(block_of(count - i, rows, samples + i * rows, matrix->exponent,
                                &room[blocks.size() * steps]));
    const Step *part = matrix->steps();
    for (npy_intp left = 0; left < columns; left += DEEP, part += steps) {
      float *to = out + first * columns + left;
      for (const Block &block : blocks) {
        multiply_block(block, steps, std::min<npy_intp>(DEEP, columns - left), part, to, columns);
        to += DEEP * columns;
      }
    }
  }
  _tile_release();
}

// What `InPanels` does, in pieces.
static_assert(DRAWN_ROWS == SIDE, "as many rows are drawn as are split");
struct InPieces {
  static npy_intp size(npy_intp rows, npy_intp columns) {
    return pieces_bytes(rows, columns) / sizeof(float);
  }
  static bool are(npy_intp rows, npy_intp columns, const float *matrix, npy_intp size) {
    const Pieces *pieces = (const Pieces *)matrix;
    return size == InPieces::size(rows, columns) && pieces->rows == rows &&
           pieces->columns == columns;
  }
  static void arrange(npy_intp rows, npy_intp columns, const float *from, npy_intp down,
                      npy_intp across, float *to) {
    const int exponent = far_exponent(most_bits(rows, columns, from, down, across));
    Pieces *const pieces = begin_pieces(rows, columns, exponent, to);
    std::vector<float> room(SIDE * columns);
    for (npy_intp top = 0; top < rows; top += SIDE) {
      const npy_intp count = std::min<npy_intp>(SIDE, rows - top);
      fill_block(count, columns, from + top * down, down, across, room.data(), columns);
      if (exponent)
        for (float &number : room) number = std::ldexp(number, -exponent);
      split_rows<false>(top, count, columns, room.data(), pieces);
    }
  }
  static void draw(const Draw &drawing, bool transposed, float *to) {
    const npy_intp rows = drawing.rows(), columns = drawing.columns;
    const int exponent = far_exponent(magnitude_bits(drawing.deviation));
    Draw near = drawing;
    near.deviation = std::ldexp(drawing.deviation, -exponent);
    Pieces *const pieces =
        begin_pieces(transposed ? columns : rows, transposed ? rows : columns, exponent, to);
    near.rows_to([=](npy_intp top, npy_intp count, const float *from) {
      (transposed ? split_rows<true> : split_rows<false>)(top, count, columns, from, pieces);
    });
  }
  static void multiply(npy_intp count, npy_intp, npy_intp, const float *samples,
                       const float *matrix, float *out) {
    multiply_pieces(count, samples, (const Pieces *)matrix, out);
  }
};

#else

typedef InPanels<float> InPieces;
static bool has_matrix_unit() { return false; }

#endif

// How a matrix is arranged here: operations ask for nothing else.
template <class real> struct Arranged : InPanels<real> {};

template <> struct Arranged<float> {
#define CHOSEN(name) (has_matrix_unit() ? InPieces::name : InPanels<float>::name)
  static npy_intp size(npy_intp rows, npy_intp columns) { return CHOSEN(size)(rows, columns); }
  static bool are(npy_intp rows, npy_intp columns, const float *matrix, npy_intp size) {
    return CHOSEN(are)(rows, columns, matrix, size);
  }
  static void arrange(npy_intp rows, npy_intp columns, const float *from, npy_intp down,
                      npy_intp across, float *to) {
    CHOSEN(arrange)(rows, columns, from, down, across, to);
  }
  static void draw(const Draw &drawing, bool transposed, float *to) {
    CHOSEN(draw)(drawing, transposed, to);
  }
  static void multiply(npy_intp count, npy_intp rows, npy_intp columns, const float *samples,
                       const float *matrix, float *out) {
    CHOSEN(multiply)(count, rows, columns, samples, matrix, out);
  }
#undef CHOSEN
};
