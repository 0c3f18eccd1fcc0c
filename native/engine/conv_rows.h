// What convolutions that work row by row share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "image.h"
#include "kernels/kernels.h"

namespace napi_torch::engine {

inline int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Part `part` of `parts` even parts of `size`: begin and end.
inline std::pair<int64_t, int64_t> Part(int64_t size, int64_t part, int64_t parts) {
  return {size * part / parts, size * (part + 1) / parts};
}

// A result in bands of rows of one image and one panel of channels: items of work.
class Bands {
 public:
  struct Item {
    int64_t image;
    int64_t panel;
    int64_t first_row;
    int64_t end_row;
  };

  // Neighbours share the panel, if `panel_first`, else the image.
  Bands(const ImageLayout& out, int64_t panels, int64_t threads, bool panel_first)
      : images_(out.n), panels_(panels), rows_(out.h), panel_first_(panel_first) {
    bands_ = std::min(rows_, DivideUp(kItemsPerThread * threads, images_ * panels_));
  }

  int64_t count() const { return images_ * panels_ * bands_; }

  Item At(int64_t item) const {
    const auto [first_row, end_row] = Part(rows_, item % bands_, bands_);
    const int64_t rest = item / bands_;
    if (panel_first_) return {rest % images_, rest / images_, first_row, end_row};
    return {rest / panels_, rest % panels_, first_row, end_row};
  }

 private:
  // At least, so that a thread that is slowed down does not hold up the others.
  static constexpr int64_t kItemsPerThread = 8;

  int64_t images_;
  int64_t panels_;
  int64_t rows_;
  int64_t bands_;
  bool panel_first_;
};

// One row of `width` results, in pieces that fit in the registers.
inline void RunRow(const Kernels& kernels, RowsArguments arguments, Epilogue epilogue, int64_t width) {
  const float* const a = arguments.a;
  float* const c = arguments.c;
  const float* const residual = epilogue.residual;
  const int64_t pieces = DivideUp(width, kernels.max_rows);
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const auto [begin, end] = Part(width, piece, pieces);
    arguments.a = a + begin * arguments.lda;
    arguments.c = c + begin * arguments.ldc;
    if (residual != nullptr) epilogue.residual = residual + begin * arguments.ldc;
    kernels.rows_epilogue(end - begin, arguments, epilogue);
  }
}

}  // namespace napi_torch::engine
