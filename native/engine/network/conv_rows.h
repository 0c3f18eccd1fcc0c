// Shared by the convolutions that work row by row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "../kernels/kernels.h"
#include "activation.h"

namespace napi_torch::engine {

inline int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Begin and end of slice `index` of [0, size), which is cut into `count` slices that differ by one at most.
inline std::pair<int64_t, int64_t> EvenSlice(int64_t size, int64_t index, int64_t count) {
  return {size * index / count, size * (index + 1) / count};
}

// Cuts a result into items of work: a band of rows of one sample, for one panel of channels.
class Bands {
 public:
  struct Item {
    int64_t sample;
    int64_t panel;
    int64_t first_row;
    int64_t end_row;
  };

  // Consecutive items share the panel if `panel_first`, else the sample.
  Bands(const ActivationLayout& out, int64_t panels, int64_t threads, bool panel_first)
      : samples_(out.n), panels_(panels), rows_(out.h), panel_first_(panel_first) {
    bands_ = std::min(rows_, DivideUp(kItemsPerThread * threads, samples_ * panels_));
  }

  int64_t count() const { return samples_ * panels_ * bands_; }

  Item At(int64_t item) const {
    const auto [first_row, end_row] = EvenSlice(rows_, item % bands_, bands_);
    const int64_t rest = item / bands_;
    if (panel_first_) return {rest % samples_, rest / samples_, first_row, end_row};
    return {rest / panels_, rest % panels_, first_row, end_row};
  }

 private:
  // At least this many, so that a thread that is slowed down does not hold up the others.
  static constexpr int64_t kItemsPerThread = 8;

  int64_t samples_;
  int64_t panels_;
  int64_t rows_;
  int64_t bands_;
  bool panel_first_;
};

// Computes one row of `width` results, in pieces whose sums fit in the registers.
inline void RunRow(const KernelSet& kernels, RowsArguments arguments, Epilogue epilogue, int64_t width) {
  const float* const a = arguments.a;
  float* const c = arguments.c;
  const float* const residual = epilogue.residual;
  const int64_t pieces = DivideUp(width, kernels.max_rows);
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const auto [begin, end] = EvenSlice(width, piece, pieces);
    arguments.a = a + begin * arguments.lda;
    arguments.c = c + begin * arguments.ldc;
    if (residual != nullptr) epilogue.residual = residual + begin * arguments.ldc;
    kernels.rows_epilogue(end - begin, arguments, epilogue);
  }
}

}  // namespace napi_torch::engine
