// Signs of numbers, a bit each, and mean squares: in one pass each.

#include <cmath>
#include <cstdint>
#include <cstring>

enum { OCTET = 8, WORD = 4 * OCTET };

// The bits of up to 32 numbers that are above 0, and whether any is 0.
template <class real>
static inline uint32_t word_of(const real *numbers, int count, int *any_zero) {
  uint32_t above = 0;
  for (int i = 0; i < count; i++) above |= (uint32_t)(numbers[i] > 0) << i;
  for (int i = 0; i < count; i++) *any_zero |= numbers[i] == 0;
  return above;
}

// Octets of a word, the lowest bits first.
static inline uint8_t *put(uint32_t word, int octets, uint8_t *bits) {
  for (int i = 0; i < octets; i++) *bits++ = (uint8_t)(word >> OCTET * i);
  return bits;
}

// The bits of all numbers that are above 0; whether any is 0.
template <class real> static bool sign_bits(const real *numbers, npy_intp size, uint8_t *bits) {
  int any_zero = 0, last = (int)(size % WORD);
  for (npy_intp i = 0; i + WORD <= size; i += WORD)
    bits = put(word_of(numbers + i, WORD, &any_zero), WORD / OCTET, bits);
  put(word_of(numbers + size - last, last, &any_zero), (last + OCTET - 1) / OCTET, bits);
  return any_zero;
}

// The bits of the numbers that are 0.
template <class real> static void zero_bits(const real *numbers, npy_intp size, uint8_t *bits) {
  std::memset(bits, 0, (size + OCTET - 1) / OCTET);
  for (npy_intp i = 0; i < size; i++) bits[i / OCTET] |= (unsigned)(numbers[i] == 0) << i % OCTET;
}

// The numbers that the eight bits of each octet stand for: 0.5 for 1, -0.5 for 0.
template <class real> struct Halves {
  real of[256][OCTET];
  Halves() {
    for (int octet = 0; octet < 256; octet++)
      for (int bit = 0; bit < OCTET; bit++) of[octet][bit] = (real)(octet >> bit & 1) - (real)0.5;
  }
};

// 0.5 above 0, 0 at 0, -0.5 below.
template <class real>
static void of_sign_bits(const uint8_t *positive, const uint8_t *zeros, npy_intp size, real *out) {
  static const Halves<real> halves;
  for (npy_intp i = 0; i < size / OCTET; i++)
    std::memcpy(out + i * OCTET, halves.of[positive[i]], sizeof halves.of[0]);
  for (npy_intp i = size / OCTET * OCTET; i < size; i++)
    out[i] = halves.of[positive[i / OCTET]][i % OCTET];
  for (npy_intp i = 0; zeros && i < size; i++)
    if (zeros[i / OCTET] >> i % OCTET & 1) out[i] = 0;
}

// In double precision; 16 partial sums, since compilers do not reorder sums.
template <class real>
static double mean_square(const real *numbers, npy_intp size) {
  double partial[16] = {0}, sum = 0;
  npy_intp i = 0;
  for (; i + 16 <= size; i += 16)
    for (int j = 0; j < 16; j++) partial[j] += (double)numbers[i + j] * (double)numbers[i + j];
  for (; i < size; i++) partial[i % 16] += (double)numbers[i] * (double)numbers[i];
  for (int j = 0; j < 16; j++) sum += partial[j];
  return sum / size;
}

// By which power of two an amplitude is to be divided, so that its mean square is near 1.
static npy_int64 exponent_of(double mean_square) {
  int exponent;
  std::frexp(mean_square, &exponent);
  return exponent >> 1;
}
