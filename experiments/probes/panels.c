// Products with a matrix that lies in panels: columns side by side, as many as registers have sums
// for, row after row.
//
// A part of the depth of a panel is multiplied with few samples at a time, whose sums stay in
// registers. Each number of a product is a sum in the order of the rows, whichever others are
// computed with it: so who computes which samples changes no bit.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, SUMS = 24, WIDEST = 3 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32, SUMS = 12, WIDEST = 2 };
#elif defined(__aarch64__)
enum { VECTOR_BYTES = 16, SUMS = 24, WIDEST = 3 };
#else
enum { VECTOR_BYTES = 16, SUMS = 12, WIDEST = 2 };
#endif

// So many rows of a panel stay in the second cache, and of the samples in the first.
static const npy_intp DEPTH = 256;
// Rows that are fetched ahead of their use.
enum { AHEAD = 8 };
// Panels of so many bytes stay in the second cache beside what is multiplied; samples that are
// multiplied together with larger ones.
enum { KEPT_BYTES = 5 << 18, MANY = 128 };

template <class real> struct Vector {
  typedef real type __attribute__((vector_size(VECTOR_BYTES)));
  enum { LANES = VECTOR_BYTES / sizeof(real) };
};

static void free_aligned(PyObject *owner) { std::free(PyCapsule_GetPointer(owner, 0)); }

// A new array for panels: those that begin where a vector does are read a twentieth faster.
static PyArrayObject *aligned_array(npy_intp size, int type, size_t bytes) {
  void *memory = 0;
  if (posix_memalign(&memory, VECTOR_BYTES, size * bytes + VECTOR_BYTES)) {
    PyErr_NoMemory();
    return 0;
  }
  PyObject *owner = PyCapsule_New(memory, 0, free_aligned);
  PyArrayObject *array = (PyArrayObject *)PyArray_SimpleNewFromData(1, &size, type, memory);
  if (!owner || !array || PyArray_SetBaseObject(array, owner)) return 0;
  return array;
}

// The panel that begins at a column: how wide it is, with zeros beyond the last column.
template <class real> static npy_intp width_of(npy_intp first, npy_intp columns) {
  const npy_intp lanes = Vector<real>::LANES;
  return std::min<npy_intp>(WIDEST * lanes, (columns - first + lanes - 1) / lanes * lanes);
}

template <class real>
static inline void copy_square(npy_intp rows, npy_intp columns, const real *from, npy_intp down,
                               npy_intp across, real *to, npy_intp width) {
  for (npy_intp row = 0; row < rows; row++)
    for (npy_intp column = 0; column < columns; column++)
      to[row * width + column] = from[row * down + column * across];
}

// In squares, since neighbours in a column lie in a line of the cache where those in a row do not.
template <class real>
static void fill_block(npy_intp rows, npy_intp columns, const real *from, npy_intp down,
                       npy_intp across, real *to, npy_intp width) {
  enum { SIDE = 16 };
  for (npy_intp top = 0; top < rows; top += SIDE)
    for (npy_intp left = 0; left < columns; left += SIDE) {
      const npy_intp tall = std::min<npy_intp>(SIDE, rows - top);
      const npy_intp wide = std::min<npy_intp>(SIDE, columns - left);
      const real *square = from + top * down + left * across;
      real *at = to + top * width + left;
      if (tall == SIDE && wide == SIDE)
        copy_square<real>(SIDE, SIDE, square, down, across, at, width);
      else
        copy_square<real>(tall, wide, square, down, across, at, width);
    }
}

// The columns of a matrix that a panel has, `across` apart; its rows are `down` apart.
template <class real>
static void fill_panel(npy_intp rows, npy_intp used, npy_intp width, const real *from,
                       npy_intp down, npy_intp across, real *panel) {
  enum { WHOLE = WIDEST * VECTOR_BYTES / sizeof(real) };
  if (used < width) std::memset(panel, 0, sizeof(real) * rows * width);
  if (across == 1 && used == WHOLE) {
    for (npy_intp row = 0; row < rows; row++)
      std::memcpy(panel + row * WHOLE, from + row * down, WHOLE * sizeof(real));
    return;
  }
  fill_block(rows, used, from, down, across, panel, width);
}

// Puts `count` rows of a matrix, from row `top` on, into its panels.
template <class real>
static void place(npy_intp top, npy_intp count, npy_intp rows, npy_intp columns, const real *from,
                  npy_intp down, npy_intp across, real *panel) {
  for (npy_intp first = 0; first < columns;) {
    const npy_intp width = width_of<real>(first, columns), used = std::min(width, columns - first);
    fill_panel(count, used, width, from + first * across, down, across, panel + top * width);
    panel += rows * width;
    first += width;
  }
}

// The same, side by side in memory, into the panels of its transpose, which are 0 as yet.
template <class real>
static void place_transposed(npy_intp top, npy_intp count, npy_intp rows, npy_intp columns,
                             const real *from, real *panel) {
  for (npy_intp first = 0; first < std::min(rows, top + count);) {
    const npy_intp width = width_of<real>(first, rows), stop = std::min(first + width, rows);
    const npy_intp left = std::max(first, top), right = std::min(stop, top + count);
    if (left < right)
      fill_block<real>(columns, right - left, from + (left - top) * columns, 1, columns,
                       panel + left - first, width);
    panel += columns * width;
    first += width;
  }
}

// What draws a matrix: streams, and where each of them begins.
struct Draw {
  void (*make)(void *stream, float *out, size_t count, float deviation);
  const uint64_t *states;
  npy_intp words;
  const npy_int64 *starts;
  npy_intp streams, columns;
  float deviation;

  npy_intp rows() const { return starts[streams] / columns; }

  // A few rows at a time, so that `put` arranges them while they are in the first cache.
  template <class Put> void rows_to(Put put) const {
    std::unique_ptr<float[]> room(new float[DRAWN_ROWS * columns]);
    for (npy_intp i = 0; i < streams; i++) {
      std::vector<uint64_t> stream(states + i * words, states + (i + 1) * words);
      const npy_intp end = starts[i + 1] / columns;
      for (npy_intp top = starts[i] / columns; top < end; top += DRAWN_ROWS) {
        const npy_intp count = std::min<npy_intp>(DRAWN_ROWS, end - top);
        make(stream.data(), room.get(), count * columns, deviation);
        put(top, count, room.get());
      }
    }
  }
};

// ROWS samples times the first rows of a panel of VECTORS.
template <class real, int VECTORS, int ROWS>
static inline void tile(npy_intp depth, const real *samples, npy_intp step, const real *panel,
                        real *out, npy_intp leading, bool adding) {
  typedef typename Vector<real>::type vector;
  enum { LANES = Vector<real>::LANES };
  vector sums[ROWS][VECTORS];
#pragma GCC unroll 24
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 3
    for (int j = 0; j < VECTORS; j++) sums[i][j] = vector{};
  for (npy_intp row = 0; row < depth; row++, panel += VECTORS * LANES) {
    vector weights[VECTORS];
#pragma GCC unroll 3
    for (int j = 0; j < VECTORS; j++) {
      __builtin_prefetch(panel + (AHEAD * VECTORS + j) * LANES);
      std::memcpy(&weights[j], panel + j * LANES, VECTOR_BYTES);
    }
#pragma GCC unroll 24
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 3
      for (int j = 0; j < VECTORS; j++) sums[i][j] += samples[i * step + row] * weights[j];
  }
#pragma GCC unroll 24
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 3
    for (int j = 0; j < VECTORS; j++) {
      real *to = out + i * leading + j * LANES;
      vector before = vector{};
      if (adding) std::memcpy(&before, to, VECTOR_BYTES);
      before += sums[i][j];
      std::memcpy(to, &before, VECTOR_BYTES);
    }
}

template <class real, int VECTORS, int ROWS> struct Tiles {
  static void fill(npy_intp count, npy_intp depth, const real *samples, npy_intp step,
                   const real *panel, real *out, npy_intp leading, bool adding) {
    for (; count >= ROWS; count -= ROWS, samples += ROWS * step, out += ROWS * leading)
      tile<real, VECTORS, ROWS>(depth, samples, step, panel, out, leading, adding);
    if (count)
      Tiles<real, VECTORS, ROWS / 2>::fill(count, depth, samples, step, panel, out, leading,
                                           adding);
  }
};

template <class real, int VECTORS> struct Tiles<real, VECTORS, 0> {
  static void fill(npy_intp, npy_intp, const real *, npy_intp, const real *, real *, npy_intp,
                   bool) {}
};

// `out` has room for whole panels.
template <class real>
static void multiply_some(npy_intp count, npy_intp rows, npy_intp columns, const real *samples,
                          const real *panels, real *out, npy_intp leading) {
  enum { LANES = Vector<real>::LANES, ROWS = SUMS / WIDEST };
  for (npy_intp top = 0; top < rows; top += DEPTH) {
    const npy_intp depth = std::min(DEPTH, rows - top);
    const real *panel = panels;
    for (npy_intp first = 0; first < columns;) {
      const npy_intp width = width_of<real>(first, columns);
      (width == LANES       ? Tiles<real, 1, ROWS>::fill
       : width == 2 * LANES ? Tiles<real, 2, ROWS>::fill
                            : Tiles<real, WIDEST, ROWS>::fill)(
          count, depth, samples + top, rows, panel + top * width, out + first, leading, top > 0);
      panel += rows * width;
      first += width;
    }
  }
}

// The product may take the place of the samples, if there are as many columns as rows: some samples
// are multiplied with all panels before their numbers are written.
template <class real>
static void multiply_panels(npy_intp count, npy_intp rows, npy_intp columns, const real *samples,
                            const real *panels, real *out) {
  const npy_intp lanes = Vector<real>::LANES, leading = (columns + lanes - 1) / lanes * lanes;
  // Panels that stay in the second cache are read for few samples at a time, which then leave it
  // to them; others for many.
  const bool stay = sizeof(real) * rows * leading <= KEPT_BYTES;
  const npy_intp together = std::min<npy_intp>(count, stay ? SUMS / WIDEST : MANY);
  std::vector<real> some(together * leading);
  for (npy_intp first = 0; first < count; first += together) {
    const npy_intp now = std::min(together, count - first);
    multiply_some(now, rows, columns, samples + first * rows, panels, some.data(), leading);
    for (npy_intp i = 0; i < now; i++)
      std::copy(&some[i * leading], &some[i * leading] + columns, out + (first + i) * columns);
  }
}

// What depends on how a matrix is arranged.
template <class real> struct InPanels {
  // In numbers.
  static npy_intp size(npy_intp rows, npy_intp columns) {
    const npy_intp lanes = Vector<real>::LANES;
    return rows * ((columns + lanes - 1) / lanes * lanes);
  }
  // Whether so many numbers may be those of a matrix.
  static bool are(npy_intp rows, npy_intp columns, const real *, npy_intp size) {
    return size == InPanels::size(rows, columns);
  }
  static void arrange(npy_intp rows, npy_intp columns, const real *from, npy_intp down,
                      npy_intp across, real *panels) {
    place(0, rows, rows, columns, from, down, across, panels);
  }
  static void draw(const Draw &drawing, bool transposed, real *panels) {
    const npy_intp rows = drawing.rows(), columns = drawing.columns;
    if (transposed && rows % Vector<real>::LANES)
      std::memset(panels, 0, sizeof(real) * size(columns, rows));
    drawing.rows_to([=](npy_intp top, npy_intp count, const real *from) {
      if (transposed)
        place_transposed(top, count, rows, columns, from, panels);
      else
        place(top, count, rows, columns, from, columns, 1, panels);
    });
  }
  static void multiply(npy_intp count, npy_intp rows, npy_intp columns, const real *samples,
                       const real *panels, real *out) {
    multiply_panels(count, rows, columns, samples, panels, out);
  }
};
