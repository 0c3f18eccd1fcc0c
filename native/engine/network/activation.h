// Activations of the native kernels: float32, NHWC, with a padding border of zeros around each sample, so that no
// kernel needs a case for the edges, and with channels padded by zeros to whole blocks.
#pragma once

#include <cstdint>

namespace napi_torch::engine {

struct ActivationLayout {
  int64_t n = 0;
  int64_t c = 0;
  int64_t h = 0;
  int64_t w = 0;
  // Rows and columns of zeros on each side.
  int64_t border = 0;
  // Floats from one pixel to the next: `c` rounded up to a multiple of the kernels' block.
  int64_t channels = 0;
  // Floats from one row to the next, and from one sample to the next.
  int64_t row_stride = 0;
  int64_t sample_stride = 0;

  static ActivationLayout Of(int64_t n, int64_t c, int64_t h, int64_t w, int64_t border, int64_t block) {
    const auto round_up = [](int64_t size, int64_t step) { return (size + step - 1) / step * step; };
    // The 4 x 4 tiles of Winograd may reach beyond a feature map, but not beyond its border.
    const int64_t tile = border > 0 ? 4 : 1;
    ActivationLayout layout{n, c, h, w, border, round_up(c, block), 0, 0};
    layout.row_stride = (round_up(w, tile) + 2 * border) * layout.channels;
    layout.sample_stride = (round_up(h, tile) + 2 * border) * layout.row_stride;
    return layout;
  }

  // Size of the memory of all samples, borders included.
  int64_t floats() const { return n * sample_stride; }
  // Floats from the start of that memory to the first pixel inside the border.
  int64_t origin() const { return border * (row_stride + channels); }
};

// An activation in memory.
struct Activation {
  ActivationLayout layout;
  float* data = nullptr;  // The first pixel of the first sample, inside the border.

  float* At(int64_t n, int64_t y, int64_t x) const {
    return data + n * layout.sample_stride + y * layout.row_stride + x * layout.channels;
  }
};

}  // namespace napi_torch::engine
