/* Random bits and what is made of them, in one pass that stays in registers and the first cache.

   `transforms.py` says the same in NumPy, and both give the same bits on every processor: each
   number is made by the same IEEE operations in the same order, so no operation may be contracted
   or reordered (-ffp-contract=off, no -ffast-math). Compilers make vector loops of the plain ones
   below; CLONES has them made for several processors, one of which is chosen when this is loaded. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

#if !defined(CLONES) && defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#elif !defined(CLONES)
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))
#define EXPORT __attribute__((visibility("default")))

enum { LANES = 8, HALF = LANES / 2, STEPS = 32, WORDS = LANES * STEPS };

/* Eight SFC64 generators (Chris Doty-Humphrey, PractRand), seeded as NumPy seeds them. */
typedef uint64_t half __attribute__((vector_size(8 * HALF), aligned(8)));
typedef struct { half a[2], b[2], c[2], counter[2]; } stream;

INLINE half advance(half *a, half *b, half *c, half *counter)
{
    half word = *a + *b + *counter;
    *counter += 1;
    *a = *b ^ (*b >> 11);
    *b = *c + (*c << 3);
    *c = ((*c << 24) | (*c >> 40)) + word;
    return word;
}

INLINE void next_words(stream *state, int steps, uint64_t *words)
{
    stream s = *state;
    for (int step = 0; step < steps; step++)
        for (int i = 0; i < 2; i++) {
            half word = advance(&s.a[i], &s.b[i], &s.c[i], &s.counter[i]);
            memcpy(words + step * LANES + i * HALF, &word, sizeof word);
        }
    *state = s;
}

INLINE uint32_t bits_of(float x) { uint32_t bits; memcpy(&bits, &x, 4); return bits; }
INLINE float float_of(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }

/* log(u) for 2^-32 < u < 1, by log(1 + f) = f + f^2 P(f) near 1, to 2 units of the last digit. */
INLINE float log_of(float u)
{
    uint32_t bits = bits_of(u);
    int32_t exponent = (int32_t)(bits - 0x3f3504f3u) >> 23;
    float f = float_of(bits - ((uint32_t)exponent << 23)) - 1.0f;
    float p = 0x1.65c778p-4f;
    p = p * f + -0x1.25049ep-3f;
    p = p * f + 0x1.318526p-3f;
    p = p * f + -0x1.535d30p-3f;
    p = p * f + 0x1.98d2c0p-3f;
    p = p * f + -0x1.00049ap-2f;
    p = p * f + 0x1.5556f4p-2f;
    p = p * f + -0x1.fffffap-2f;
    return (f * f * p + f) + (float)exponent * 0x1.62e430p-1f;
}

/* Box and Muller: the low half of a word is a radius, the high half an angle in 2^-32 turns. */
INLINE void to_pair(uint64_t word, float deviation, float *pair)
{
    float u = fabsf((float)(int32_t)((uint32_t)word | 1u)) * 0x1.fffffep-32f;
    float radius = sqrtf(-2.0f * log_of(u)) * deviation;
    uint32_t turned = ((uint32_t)(word >> 32) | 1u) + 0x20000000u;
    float t = (float)(int32_t)((turned & 0x3fffffffu) - 0x20000000u) * 0x1p-30f;
    float tt = t * t;
    float sine = -0x1.2d92f6p-8f;
    sine = sine * tt + 0x1.465e92p-4f;
    sine = sine * tt + -0x1.4abbb8p-1f;
    sine = (sine * tt + 0x1.921fb6p+0f) * t;
    float cosine = 0x1.d9d572p-11f;
    cosine = cosine * tt + -0x1.55c5e0p-6f;
    cosine = cosine * tt + 0x1.03c1dep-2f;
    cosine = cosine * tt + -0x1.3bd3ccp+0f;
    cosine = cosine * tt + 1.0f;
    /* In the second and fourth quarter of a turn they change places; their signs by quarter. */
    uint32_t swap = -((turned >> 30) & 1u);
    uint32_t difference = (bits_of(sine) ^ bits_of(cosine)) & swap;
    uint32_t down = turned & 0x80000000u, left = (turned ^ (turned << 1)) & 0x80000000u;
    pair[0] = radius * float_of(bits_of(cosine) ^ difference ^ left);
    pair[1] = radius * float_of(bits_of(sine) ^ difference ^ down);
}

INLINE void to_pairs(const uint64_t *words, float deviation, float *out)
{
    for (int i = 0; i < WORDS; i++)
        to_pair(words[i], deviation, out + 2 * i);
}

/* Odd integers of 32 bits with a sign: symmetric, and never 0. */
INLINE void to_floats(const uint64_t *words, float factor, float *out)
{
    for (int i = 0; i < WORDS; i++) {
        out[2 * i] = (float)(int32_t)((uint32_t)words[i] | 1u) * factor;
        out[2 * i + 1] = (float)(int32_t)((uint32_t)(words[i] >> 32) | 1u) * factor;
    }
}

/* Odd integers of 54 bits with a sign; from two parts, since few processors convert 64 bits. */
INLINE void to_doubles(const uint64_t *words, double factor, double *out)
{
    for (int i = 0; i < WORDS; i++) {
        double high = (double)(int32_t)(uint32_t)(words[i] >> 32) * 0x1p22;
        double low = (double)(int32_t)((uint32_t)words[i] >> 10 | 1u);
        out[i] = (high + low) * factor;
    }
}

EXPORT const int version_2 = 2;

/* Seeds a stream with 3 words for each lane, the lanes side by side. */
EXPORT void seed(stream *state, const uint64_t *words)
{
    uint64_t scrap[12 * LANES];
    memcpy(state->a, words, 3 * LANES * sizeof *words);
    for (int i = 0; i < 2; i++)
        state->counter[i] = (half){1, 1, 1, 1};
    next_words(state, 12, scrap);
}

/* Fills an array with `TOGETHER` numbers at a time of what one step makes of 256 words; what is left
   of the last ones is dropped. */
#define FILLING(NAME, REAL, TOGETHER, STEP)                                                        \
    EXPORT CLONES void NAME(stream *state, REAL *out, size_t count, REAL factor)                   \
    {                                                                                              \
        uint64_t words[WORDS] __attribute__((aligned(64)));                                        \
        REAL last[TOGETHER];                                                                       \
        for (; count >= TOGETHER; count -= TOGETHER, out += TOGETHER) {                            \
            next_words(state, STEPS, words);                                                       \
            STEP(words, factor, out);                                                              \
        }                                                                                          \
        if (count) {                                                                               \
            next_words(state, STEPS, words);                                                       \
            STEP(words, factor, last);                                                             \
            memcpy(out, last, count * sizeof *out);                                                \
        }                                                                                          \
    }

FILLING(normal_floats, float, 2 * WORDS, to_pairs)
FILLING(odd_floats, float, 2 * WORDS, to_floats)
FILLING(odd_doubles, double, WORDS, to_doubles)

/* Replaces what lies beyond a radius by the next candidates that do not; returns how far it came
   before they ran out. Few do, so they are looked for 32 at a time. */
#define REPLACING(NAME, REAL, MAGNITUDE)                                                           \
    EXPORT CLONES size_t NAME(REAL *numbers, size_t count, REAL radius, const REAL *candidates,    \
                              size_t offered)                                                      \
    {                                                                                              \
        size_t next = 0;                                                                           \
        for (size_t start = 0; start < count; start += 32) {                                       \
            int size = count - start < 32 ? (int)(count - start) : 32;                             \
            uint32_t beyond = 0;                                                                   \
            if (size == 32)                                                                        \
                for (int i = 0; i < 32; i++)                                                       \
                    beyond |= (uint32_t)(MAGNITUDE(numbers[start + i]) > radius) << i;             \
            else                                                                                   \
                for (int i = 0; i < size; i++)                                                     \
                    beyond |= (uint32_t)(MAGNITUDE(numbers[start + i]) > radius) << i;             \
            for (; beyond; beyond &= beyond - 1) {                                                 \
                int i = __builtin_ctz(beyond);                                                     \
                while (next < offered && MAGNITUDE(candidates[next]) > radius)                     \
                    next++;                                                                        \
                if (next == offered)                                                               \
                    return start + i;                                                              \
                numbers[start + i] = candidates[next++];                                           \
            }                                                                                      \
        }                                                                                          \
        return count;                                                                              \
    }

REPLACING(replace_floats, float, fabsf)
REPLACING(replace_doubles, double, fabs)

/* The sum of squares of each row, in double precision; 16 partial sums, since sums are not reordered
   by the compiler. */
EXPORT CLONES void square_sums(const float *rows, size_t count, size_t length, double *sums)
{
    for (size_t row = 0; row < count; row++, rows += length) {
        double partial[16] = {0};
        size_t i = 0;
        for (; i + 16 <= length; i += 16)
            for (int j = 0; j < 16; j++)
                partial[j] += (double)rows[i + j] * (double)rows[i + j];
        for (; i < length; i++)
            partial[i % 16] += (double)rows[i] * (double)rows[i];
        sums[row] = 0;
        for (int j = 0; j < 16; j++)
            sums[row] += partial[j];
    }
}

/* Has the system give an array all its pages at once: to be given each where it is first written
   takes three times as long, more than the numbers in it. Where that cannot be, nothing is done. */
EXPORT void populate(char *start, size_t bytes)
{
#if defined(__linux__)
    const int populate_write = 23; /* MADV_POPULATE_WRITE, Linux 5.14 */
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)start + page - 1) / page * page;
    uintptr_t stop = ((uintptr_t)start + bytes) / page * page;
    if (first < stop)
        (void)madvise((void *)first, stop - first, populate_write);
#endif
}

/* A module of Python, though only its functions of C are called: so it is built and found as one. */
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernels", NULL, -1, NULL};
PyMODINIT_FUNC PyInit__kernels(void) { return PyModule_Create(&definition); }
