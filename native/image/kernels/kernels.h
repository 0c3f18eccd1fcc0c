// The inner loops of resampling, compiled once for each instruction set, and selected at run time for the CPU.
#pragma once

#include <cstdint>

namespace napi_torch::image {

// Bits behind the point of a weight: 32, less 8 of the pixel, less 2 as filters with negative lobes sum to less than 0
// and more than 255. The weights' absolute values sum to at most 1.6, so that no sum leaves its 32 bits.
constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);

// A weighted sum of `count` lines of `length` bytes, of which line k begins at `lines + k * stride`.
struct WeighArguments {
  const uint8_t* lines;
  int64_t stride;
  const int32_t* weights;
  int64_t count;
  uint8_t* out;
  int64_t length;
};

// out[x][y] = in[y][x], where 0 <= y < rows and 0 <= x < columns; strides in bytes.
struct TransposeArguments {
  const uint8_t* in;
  int64_t in_stride;
  int64_t rows;
  int64_t columns;
  uint8_t* out;
  int64_t out_stride;
};

struct Kernels {
  const char* name;
  // Rounds the sums to bytes.
  void (*weigh)(const WeighArguments& arguments);
  void (*transpose)(const TransposeArguments& arguments);
};

// The instruction sets, best first.
enum class Isa { kAvx512, kAvx2, kPortable };

// The kernels of `isa`; null where the CPU or the build lacks them.
const Kernels* KernelsOf(Isa isa);
// The best kernels of this CPU.
const Kernels& BestKernels();

}  // namespace napi_torch::image
