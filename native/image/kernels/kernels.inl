// The kernels, in vectors of kLanes sums. Each kernels_*.cc includes this once, with its own compiler flags, inside of
// a namespace of its own. Nothing from the standard library is used: an inline function of it, compiled with these
// flags, could be the one that the linker keeps for the whole addon, and CPUs without the instructions would
// stop.
//
// Before: kLanes; kBlock, the vectors of sums that fit in the registers; kName; Sums, a vector of kLanes integers;
// Load, which makes it of bytes; StoreClamped, which makes bytes of it. Compilers do not write the last two well by
// themselves.

// Of the `Vectors * kLanes` bytes from `start` on.
template <int64_t Vectors>
inline __attribute__((always_inline)) void WeighBlock(const WeighArguments& arguments, int64_t start) {
  const auto [lines, stride, weights, count, out, length] = arguments;
  Sums sums[Vectors];
#pragma GCC unroll 8
  for (int64_t v = 0; v < Vectors; ++v) sums[v] = Sums{} + kHalf;
  const uint8_t* line = lines + start;
  for (int64_t k = 0; k < count; ++k, line += stride) {
#pragma GCC unroll 8
    for (int64_t v = 0; v < Vectors; ++v) sums[v] += weights[k] * Load(line + v * kLanes);
  }
#pragma GCC unroll 8
  for (int64_t v = 0; v < Vectors; ++v) StoreClamped(out + start + v * kLanes, sums[v] >> kPrecisionBits);
}

void Weigh(const WeighArguments& arguments) {
  const auto [lines, stride, weights, count, out, length] = arguments;
  int64_t i = 0;
  for (; i + kBlock * kLanes <= length; i += kBlock * kLanes) WeighBlock<kBlock>(arguments, i);
  for (; i + kLanes <= length; i += kLanes) WeighBlock<1>(arguments, i);
  for (; i < length; ++i) {
    int32_t sum = kHalf;
    for (int64_t k = 0; k < count; ++k) sum += weights[k] * lines[k * stride + i];
    sum >>= kPrecisionBits;
    out[i] = static_cast<uint8_t>(sum < 0 ? 0 : sum > 255 ? 255 : sum);
  }
}

constexpr int64_t kSide = 16;
using Line = uint8_t __attribute__((vector_size(kSide), may_alias, aligned(1)));

// The first halves of both, byte by byte in turn, and the second ones. Clang and GCC before 12 have no builtin in
// common.
#if defined(__clang__)
inline Line ZipFirst(Line a, Line b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
inline Line ZipSecond(Line a, Line b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
#else
inline Line ZipFirst(Line a, Line b) {
  return __builtin_shuffle(a, b, Line{0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23});
}
inline Line ZipSecond(Line a, Line b) {
  return __builtin_shuffle(a, b, Line{8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31});
}
#endif

// The place of a byte has eight bits, those of its row and those of its column. Taking lines i and i + 8 in turn
// rotates them by one, so that after four times rows and columns have changed places.
inline __attribute__((always_inline)) void Zip(const Line (&from)[kSide], Line (&to)[kSide]) {
#pragma GCC unroll 8
  for (int64_t i = 0; i < kSide / 2; ++i) {
    to[2 * i] = ZipFirst(from[i], from[i + kSide / 2]);
    to[2 * i + 1] = ZipSecond(from[i], from[i + kSide / 2]);
  }
}

inline void TransposeBlock(const uint8_t* in, int64_t in_stride, uint8_t* out, int64_t out_stride) {
  Line a[kSide];
  Line b[kSide];
#pragma GCC unroll 16
  for (int64_t i = 0; i < kSide; ++i) a[i] = *reinterpret_cast<const Line*>(in + i * in_stride);
  Zip(a, b);
  Zip(b, a);
  Zip(a, b);
  Zip(b, a);
#pragma GCC unroll 16
  for (int64_t i = 0; i < kSide; ++i) *reinterpret_cast<Line*>(out + i * out_stride) = a[i];
}

// A block that reaches over the edge goes through memory of its own.
void TransposePart(const uint8_t* in, int64_t in_stride, int64_t rows, int64_t columns, uint8_t* out,
                   int64_t out_stride) {
  uint8_t from[kSide * kSide] = {};
  uint8_t to[kSide * kSide];
  for (int64_t y = 0; y < rows; ++y) {
    for (int64_t x = 0; x < columns; ++x) from[y * kSide + x] = in[y * in_stride + x];
  }
  TransposeBlock(from, kSide, to, kSide);
  for (int64_t x = 0; x < columns; ++x) {
    for (int64_t y = 0; y < rows; ++y) out[x * out_stride + y] = to[x * kSide + y];
  }
}

void Transpose(const TransposeArguments& arguments) {
  const auto [in, in_stride, rows, columns, out, out_stride] = arguments;
  for (int64_t y = 0; y < rows; y += kSide) {
    const int64_t height = rows - y < kSide ? rows - y : kSide;
    for (int64_t x = 0; x < columns; x += kSide) {
      const int64_t width = columns - x < kSide ? columns - x : kSide;
      const uint8_t* const from = in + y * in_stride + x;
      uint8_t* const to = out + x * out_stride + y;
      if (height == kSide && width == kSide) {
        TransposeBlock(from, in_stride, to, out_stride);
      } else {
        TransposePart(from, in_stride, height, width, to, out_stride);
      }
    }
  }
}

constexpr Kernels kKernels = {kName, Weigh, Transpose};
