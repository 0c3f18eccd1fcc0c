// The inner loops of the native kernels, compiled once for each instruction set. The CPU decides at run time which are
// used.
#pragma once

#include <cstdint>

namespace napi_torch::engine {

// Applied to a sum before it is stored: it is multiplied by the scale of its column, and the bias is added.
struct Epilogue {
  const float* scale = nullptr;     // `block` floats.
  const float* bias = nullptr;      // `block` floats.
  const float* residual = nullptr;  // In the layout of the result, or null.
  bool relu = false;
};

// Weights as they are stored: float32, or the bits of float16 without infinities and NaN.
struct StoredWeights {
  const void* data = nullptr;
  bool is_half = false;

  // From one of the elements on.
  StoredWeights From(int64_t element) const {
    return {static_cast<const char*>(data) + element * (is_half ? 2 : 4), is_half};
  }
};

// A product of `rows` rows with a panel of `block` columns, summed over segments of the rows:
// c[r][j] = sum over s, k of a[offsets[s] + r * lda + k] * b[s * length + k][j].
struct RowsArguments {
  const float* a;
  int64_t lda;
  const int64_t* offsets;
  int64_t segments;
  int64_t length;
  StoredWeights b;
  float* c;
  int64_t ldc;
};

// Transforms of Winograd's minimal filtering F(m x m, 3 x 3), where m is 2 or 4, tiles are t = m + 2 wide:
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks".
struct TileInput {
  const float* source;  // The top left pixel of the tile.
  int64_t row_stride;
  int64_t pixel_stride;
  int64_t channels;
  float* target;            // t * t values of each channel.
  int64_t position_stride;  // Floats from one of them to the next.
};
struct TileOutput {
  const float* source;
  int64_t position_stride;
  int64_t channels;
  float* target;
  int64_t row_stride;
  int64_t pixel_stride;
  int64_t rows;  // Of the m x m results, those inside the feature map.
  int64_t columns;
  Epilogue epilogue;  // The residual begins at the first pixel of the tile, in the layout of the target.
};

struct WindowArguments {
  const float* source;  // The first element of the first window.
  int64_t rows;         // Of each window.
  int64_t columns;
  int64_t row_step;     // Floats from one row of a window to the next.
  int64_t column_step;  // Floats from one column of a window to the next.
  int64_t step;         // Floats from one window to the next.
  int64_t windows;
  int64_t channels;
  float* target;  // The results are contiguous.
};

// The most columns of a panel of any set.
constexpr int64_t kMaxBlock = 32;

struct KernelSet {
  const char* name;
  int64_t block;     // Columns of a panel. Activations have a multiple of this many channels.
  int64_t max_rows;  // The most rows of one call of `rows`.

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

// The kernels of `isa`; null where the CPU or the build lacks them.
const KernelSet* KernelSetOf(Isa isa);

}  // namespace napi_torch::engine
