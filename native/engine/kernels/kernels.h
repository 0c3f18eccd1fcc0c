// The inner loops of the own kernels, compiled once for each instruction set, and chosen at run time by the processor.
#pragma once

#include <cstdint>

namespace napi_torch::engine {

// What is done with a sum before it is stored.
struct Epilogue {
  const float* bias = nullptr;      // `block` floats.
  const float* residual = nullptr;  // Laid out as the result, or null.
  bool relu = false;
};

// A product of `rows` rows with a panel of `block` columns, summed over segments of the rows:
// c[r][j] = sum over s, k of a[offsets[s] + r * lda + k] * b[s * length + k][j].
struct RowsArguments {
  const float* a;
  int64_t lda;
  const int64_t* offsets;
  int64_t segments;
  int64_t length;
  const float* b;
  float* c;
  int64_t ldc;
};

// Transforms of Winograd's minimal filtering F(m x m, 3 x 3), where m is 2 or 4, tiles are t = m + 2 wide:
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks".
struct TileInput {
  const float* source;  // Top left pixel of the tile.
  int64_t row_stride;
  int64_t pixel_stride;
  int64_t channels;
  float* target;            // t * t values of each channel,
  int64_t position_stride;  // so far from each other.
};
struct TileOutput {
  const float* source;
  int64_t position_stride;
  int64_t channels;
  float* target;
  int64_t row_stride;
  int64_t pixel_stride;
  int64_t rows;  // Of the m x m results, those that lie in the image.
  int64_t columns;
  Epilogue epilogue;  // The residual is that of the first pixel, and laid out as the target.
};

struct WindowArguments {
  const float* source;  // The first point of the first window.
  int64_t rows;         // Of each window.
  int64_t columns;
  int64_t row_step;     // Floats between the rows of a window,
  int64_t column_step;  // and its columns.
  int64_t step;         // Floats from a window to the next.
  int64_t windows;
  int64_t channels;
  float* target;  // The results lie beside each other.
};

struct Kernels {
  const char* name;
  int64_t block;     // Columns of a panel: activations have a multiple of this many channels.
  int64_t max_rows;  // Of one call of `rows`.

  void (*rows)(int64_t rows, const RowsArguments& arguments);
  void (*rows_epilogue)(int64_t rows, const RowsArguments& arguments, const Epilogue& epilogue);
  void (*tile_input2)(const TileInput& arguments);
  void (*tile_input4)(const TileInput& arguments);
  // True if all sums were finite.
  bool (*tile_output2)(const TileOutput& arguments);
  bool (*tile_output4)(const TileOutput& arguments);
  // The largest value of each window; NaN wins.
  void (*max_windows)(const WindowArguments& arguments);
  // target[c] = scale * the sum over `rows` x `columns` pixels.
  void (*mean)(const float* source, int64_t row_stride, int64_t pixel_stride, int64_t rows, int64_t columns,
               int64_t channels, float scale, float* target);
  // target = left + right, element by element, `length` a multiple of `block`.
  void (*add)(const float* left, const float* right, int64_t length, bool relu, float* target);
};

// The instruction sets, best first.
enum class Isa { kAvx512, kAvx2, kPortable };

// The kernels of `isa`; null where the processor or the build lacks them.
const Kernels* KernelsOf(Isa isa);
// The best kernels of this processor.
const Kernels& BestKernels();

}  // namespace napi_torch::engine
