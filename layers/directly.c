// A correlation of stride 1, image by image, without unfolding: images (c, rows, columns) are
// surrounded by zeros, so that for each place in the filter all windows are one run of numbers,
// shifted. Windows at the end of a row reach into the next one; what they make is not copied out.
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
#define BYTES 64
#define MOST 8  // filters at a time: as many as their sums have registers
#elif defined(__AVX__)
#define BYTES 32
#define MOST 6
#else
#define BYTES 16
#define MOST 6
#endif
#define VECTORS 2

template <typename Real>
struct Lanes {
  enum { count = BYTES / sizeof(Real) };
  typedef Real Vector __attribute__((vector_size(BYTES)));
  typedef Real Loose __attribute__((vector_size(BYTES), aligned(sizeof(Real)), may_alias));
};

struct Correlation {
  int channels, rows, columns, filters, s0, s1, top, left, outRows, outColumns;
  int paddedRows, paddedColumns, plane, windows, terms;

  Correlation(int channels, int rows, int columns, int filters, int s0, int s1, int top, int bottom,
              int left, int right)
      : channels(channels), rows(rows), columns(columns), filters(filters), s0(s0), s1(s1),
        top(top), left(left) {
    paddedRows = rows + top + bottom;
    paddedColumns = columns + left + right;
    plane = paddedRows * paddedColumns;
    outRows = paddedRows - s0 + 1;
    outColumns = paddedColumns - s1 + 1;
    windows = (outRows - 1) * paddedColumns + outColumns;
    terms = channels * s0 * s1;
  }
};

// So many sums at a time: `filters` of them for each window, over all channels and places.
template <typename Real, int filters>
static void sums(const Correlation& c, const Real* padded, const int* shifts, const Real* weights,
                 Real* out, size_t pitch) {
  typedef typename Lanes<Real>::Vector Vector;
  typedef typename Lanes<Real>::Loose Loose;
  const int step = VECTORS * Lanes<Real>::count;
  for (int window = 0; window < c.windows; window += step) {
    Vector sum[filters][VECTORS] = {};
    for (int term = 0; term < c.terms; ++term) {
      const Real* read = padded + window + shifts[term];
      Vector x[VECTORS];
      for (int v = 0; v < VECTORS; ++v) x[v] = *(const Loose*)(read + v * Lanes<Real>::count);
      for (int f = 0; f < filters; ++f) {
        const Real weight = weights[term * filters + f];
        for (int v = 0; v < VECTORS; ++v) sum[f][v] += weight * x[v];
      }
    }
    for (int f = 0; f < filters; ++f)
      for (int v = 0; v < VECTORS; ++v)
        *(Loose*)(out + f * pitch + window + v * Lanes<Real>::count) = sum[f][v];
  }
}

template <typename Real>
static void sumsOf(int filters, const Correlation& c, const Real* padded, const int* shifts,
                   const Real* weights, Real* out, size_t pitch) {
  switch (filters) {
    case 1: return sums<Real, 1>(c, padded, shifts, weights, out, pitch);
    case 2: return sums<Real, 2>(c, padded, shifts, weights, out, pitch);
    case 3: return sums<Real, 3>(c, padded, shifts, weights, out, pitch);
    case 4: return sums<Real, 4>(c, padded, shifts, weights, out, pitch);
    case 5: return sums<Real, 5>(c, padded, shifts, weights, out, pitch);
    case 6: return sums<Real, 6>(c, padded, shifts, weights, out, pitch);
#if MOST > 6
    case 7: return sums<Real, 7>(c, padded, shifts, weights, out, pitch);
    case 8: return sums<Real, 8>(c, padded, shifts, weights, out, pitch);
#endif
  }
}

template <typename Real>
static void surround(const Correlation& c, const Real* image, Real* padded) {
  for (int channel = 0; channel < c.channels; ++channel)
    for (int row = 0; row < c.rows; ++row)
      memcpy(padded + channel * c.plane + (row + c.top) * c.paddedColumns + c.left,
             image + (channel * c.rows + row) * c.columns, sizeof(Real) * c.columns);
}

template <typename Real>
static void correlateImage(const Correlation& c, const Real* image, int group, const int* shifts,
                           const Real* packed, Real* padded, Real* made, size_t pitch, Real* out) {
  surround(c, image, padded);
  for (int first = 0; first < c.filters; first += group) {
    sumsOf(group, c, padded, shifts, packed + (size_t)first * c.terms, made, pitch);
    const int last = first + group < c.filters ? first + group : c.filters;
    for (int f = first; f < last; ++f)
      for (int row = 0; row < c.outRows; ++row)
        memcpy(out + ((size_t)f * c.outRows + row) * c.outColumns,
               made + (f - first) * pitch + row * c.paddedColumns, sizeof(Real) * c.outColumns);
  }
}

// Weights (filters, terms) as they are read: group by group, all filters of a group for each term.
template <typename Real>
static void pack(const Correlation& c, int group, const Real* weights, Real* packed) {
  for (int f = 0; f < c.filters; ++f)
    for (int term = 0; term < c.terms; ++term)
      packed[(size_t)(f / group * group) * c.terms + term * group + f % group] =
          weights[(size_t)f * c.terms + term];
}

template <typename Real>
static bool correlate(const Correlation& c, int images, const Real* x, const Real* weights,
                      Real* out, bool shared) {
  const int groups = (c.filters + MOST - 1) / MOST, group = (c.filters + groups - 1) / groups;
  const size_t slack = VECTORS * Lanes<Real>::count;  // what the last windows read and write beyond
  const size_t pitch = c.windows + slack, size = (size_t)c.channels * c.plane + slack;
  int* shifts = (int*)malloc(sizeof(int) * c.terms);
  Real* packed = (Real*)calloc((size_t)groups * group * c.terms, sizeof(Real));
  bool sound = shifts && packed;
  if (sound) {
    pack(c, group, weights, packed);
    for (int term = 0; term < c.terms; ++term)
      shifts[term] = term / (c.s0 * c.s1) * c.plane + term / c.s1 % c.s0 * c.paddedColumns +
                     term % c.s1;
  }
#pragma omp parallel if (shared && images > 1)
  {
    Real* padded = (Real*)calloc(size, sizeof(Real));
    Real* made = (Real*)malloc(sizeof(Real) * group * pitch);
    if (!padded || !made) sound = false;
#pragma omp barrier
#pragma omp for schedule(static)
    for (int n = 0; n < images; ++n)
      if (sound)
        correlateImage(c, x + (size_t)n * c.channels * c.rows * c.columns, group, shifts, packed,
                       padded, made, pitch,
                       out + (size_t)n * c.filters * c.outRows * c.outColumns);
    free(padded);
    free(made);
  }
  free(shifts);
  free(packed);
  return sound;
}
